package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.tensor.TensorEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads weights of a Hugging Face directory (one safetensors file, or an index of several) into the slices a rank holds, converting from any floating-point
 * type. Names and shapes are checked before anything is read: a model with a missing, unknown or misshapen tensor is refused.
 */
public final class HuggingFaceImporter {

    /** Elements read at a time. */
    private static final int PIECE = 1 << 22;
    private static final String PREFIX = "model.";
    private static final String HEAD = "lm_head.weight";

    private final ModelConfig config;
    private final Engine engine;
    private final ByteBuffer bytes;

    public HuggingFaceImporter(ModelConfig config, Engine engine) {
        this.config = config;
        this.engine = engine;
        this.bytes = ByteBuffer.allocateDirect(PIECE * Float.BYTES).order(ByteOrder.nativeOrder());
    }

    /**
     * Fills the values of all parameters.
     *
     * @throws IllegalArgumentException when tensors are missing, unknown, of another shape, or hold NaN or infinity; names them and the files
     * @throws IOException              when files are missing, truncated or corrupt
     */
    public void load(Path directory, Parameters parameters) throws IOException {
        try (SafetensorsFolder folder = SafetensorsFolder.open(directory)) {
            Map<String, String> names = check(folder);
            engine.kernels().fill(parameters.value(), 0);
            for (Parameter parameter : parameters.all()) {
                for (int part = 0; part < parameter.slices().size(); part++) {
                    TensorSlice slice = parameter.slices().get(part);
                    String name = names.get(slice.tensor().name());
                    if (name != null) {
                        load(folder, name, slice, parameter.part(part));
                    }
                }
            }
        }
    }

    /** Names in the files by our names; the whole model is checked, whatever part of it is held here. */
    private Map<String, String> check(SafetensorsFolder folder) {
        boolean bare = !folder.contains("model.embed_tokens.weight") && folder.contains("embed_tokens.weight");
        Map<String, String> names = new LinkedHashMap<>();
        List<String> problems = new ArrayList<>();
        for (ParameterSpec parameter : DecoderSpecs.of(config)) {
            for (TensorSpec tensor : parameter.parts()) {
                String name = bare && tensor.name().startsWith(PREFIX) ? tensor.name().substring(PREFIX.length()) : tensor.name();
                names.put(tensor.name(), name);
                if (!folder.contains(name)) {
                    problems.add("missing " + name + " " + tensor.shape());
                } else if (!folder.entry(name).shape().equals(tensor.shape())) {
                    problems.add(name + " has shape " + folder.entry(name).shape() + " in " + folder.file(name).file() + ", expected " + tensor.shape());
                }
            }
        }
        for (String name : folder.names()) {
            boolean known = names.containsValue(name) || name.endsWith("rotary_emb.inv_freq") || name.equals(HEAD) && config.tiedEmbeddings();
            if (!known) {
                problems.add("unknown " + name + " in " + folder.file(name).file());
            }
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException(folder.folder() + ": " + problems.size() + " of its tensors do not fit its config.json ("
                    + config.family().name() + "): " + String.join("; ", problems.subList(0, Math.min(10, problems.size())))
                    + (problems.size() > 10 ? "; ..." : ""));
        }
        return names;
    }

    private void load(SafetensorsFolder folder, String name, TensorSlice slice, Tensor target) throws IOException {
        TensorEntry entry = folder.entry(name);
        switch (entry.dtype()) {
            case F64, F32, BF16, F16 -> { }
            case F8_E4M3, F8_E5M2, I64, I32, I16, U8, BOOL -> throw new IllegalArgumentException(folder.file(name).file() + ": tensor " + name + " has type "
                    + entry.dtype() + "; expected F32, BF16, F16 or F64: use a copy of the model that is not quantised");
        }
        boolean wholeRows = slice.columns() == slice.tensor().columns();
        if (wholeRows) {
            loadRun(folder, name, slice.firstRow() * slice.columns() + slice.firstColumn(), flat(target), 0, slice.elements());
        } else {
            for (long row = 0; row < slice.rows(); row++) {
                loadRun(folder, name, (slice.firstRow() + row) * slice.tensor().columns() + slice.firstColumn(), flat(target), row * slice.columns(),
                        slice.columns());
            }
        }
    }

    private static Tensor flat(Tensor tensor) {
        return tensor.reshape(ai.sparktron.trainer.tensor.Shape.of(tensor.elements()));
    }

    /** Elements from {@code from} of the file's tensor to elements from {@code to} of the target. */
    private void loadRun(SafetensorsFolder folder, String name, long from, Tensor target, long to, long count) throws IOException {
        for (long done = 0; done < count; done += PIECE) {
            int now = (int) Math.min(PIECE, count - done);
            float[] values = folder.readFloats(name, from + done, now);
            requireFinite(values, folder, name, from + done);
            bytes.clear();
            if (target.dtype().sizeBytes() > Float.BYTES) {
                throw new IllegalStateException("weights into " + target + ": expected F32, BF16 or F16 parameters");
            }
            HalfPrecision.encode(target.dtype(), values, 0, now, bytes);
            engine.write(target.rows(to + done, now), bytes.flip());
        }
    }

    private static void requireFinite(float[] values, SafetensorsFolder folder, String name, long from) {
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new IllegalArgumentException(folder.file(name).file() + ": tensor " + name + " holds " + values[i] + " at element " + (from + i) + " of "
                        + folder.entry(name).shape() + "; the weights are damaged, fetch or save them again");
            }
        }
    }
}
