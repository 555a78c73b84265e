package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import java.io.IOException;
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

    private static final String PREFIX = "model.";
    private static final String HEAD = "lm_head.weight";

    private final ModelConfig config;
    private final Engine engine;
    private final SliceReader reader;

    public HuggingFaceImporter(ModelConfig config, Engine engine) {
        this.config = config;
        this.engine = engine;
        this.reader = new SliceReader(engine);
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
                        reader.load(folder, name, slice, parameter.part(part));
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
}
