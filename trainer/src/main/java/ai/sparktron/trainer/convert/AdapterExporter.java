package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsWriter;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.TensorEntry;
import ai.sparktron.trainer.tuner.PeftConfig;
import ai.sparktron.trainer.tuner.Tuning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes what is trained of a model as an adapter in PEFT's form: {@code adapter_config.json} and {@code adapter_model.safetensors}. */
public final class AdapterExporter {

    private static final int PIECE = 1 << 22;
    private static final String TABLE = "model.embed_tokens.weight";
    private static final String TIED_HEAD = "lm_head.weight";

    private final PeftConfig config;
    private final DType dtype;
    private final List<Item> items = new ArrayList<>();

    /** A tensor and its name in the file. */
    private record Item(TensorSpec tensor, String name) {
        private boolean isTurned() {
            return tensor.name().endsWith(".lora_embedding_A");
        }

        private Shape shape() {
            return isTurned() ? Shape.of(tensor.columns(), tensor.rows()) : tensor.shape();
        }
    }

    /**
     * @param model  parameters of the whole model
     * @param tuning of a LoRA run
     * @param dtype  type of the tensors in the file: F32, BF16 or F16
     */
    public AdapterExporter(List<ParameterSpec> model, Tuning tuning, String baseModel, DType dtype) {
        this.config = tuning.peft().orElseThrow().withBaseModel(baseModel);
        this.dtype = dtype;
        boolean tied = model.stream().noneMatch(parameter -> parameter.parts().get(0).name().equals(TIED_HEAD));
        for (ParameterSpec parameter : tuning.applyTo(model)) {
            for (TensorSpec part : parameter.parts()) {
                if (parameter.trainable()) {
                    items.add(new Item(part, PeftAdapter.PREFIX + nameOf(part, tuning)));
                    if (tied && part.name().equals(TABLE)) {
                        items.add(new Item(part, PeftAdapter.PREFIX + TIED_HEAD));
                    }
                }
            }
        }
    }

    /** A bias lies in the module that PEFT wraps where it has an addition. */
    private static String nameOf(TensorSpec tensor, Tuning tuning) {
        if (!tensor.name().endsWith(".bias")) {
            return tensor.name();
        }
        String module = tensor.name().substring(0, tensor.name().length() - ".bias".length());
        return tuning.adapters().byTensor().containsKey(module + ".weight") ? module + ".base_layer.bias" : tensor.name();
    }

    /** The tensors of the file. */
    public List<TensorEntry> entries() {
        return items.stream().map(item -> new TensorEntry(item.name(), dtype, item.shape())).toList();
    }

    /** All tensors as the file has them; for adapters small enough. */
    public Map<String, float[]> floats(WeightSource weights) throws IOException {
        Map<String, float[]> all = new LinkedHashMap<>();
        read(weights, (name, values) -> all.merge(name, values, AdapterExporter::joined));
        return all;
    }

    private static float[] joined(float[] first, float[] second) {
        float[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /** Writes into a directory that exists. */
    public void write(Path directory, WeightSource weights) throws IOException {
        try (SafetensorsWriter writer = SafetensorsWriter.create(directory.resolve(PeftAdapter.FILE), entries(), SafetensorsWriter.PYTORCH_METADATA)) {
            read(weights, writer::writeFloats);
            writer.commit();
        }
        Files.writeString(directory.resolve(PeftConfig.FILE), config.toJson());
    }

    /** Reads as {@link #write} does and writes nothing: what the other ranks of a group do while one writes. */
    public void contribute(WeightSource weights) throws IOException {
        read(weights, (name, values) -> { });
    }

    private interface Target {
        void append(String name, float[] values) throws IOException;
    }

    private void read(WeightSource weights, Target target) throws IOException {
        for (Item item : items) {
            TensorSpec tensor = item.tensor();
            if (item.isTurned()) {
                target.append(item.name(), turned(weights.read(tensor, 0, Math.toIntExact(tensor.elements())), (int) tensor.rows(), (int) tensor.columns()));
                continue;
            }
            for (long done = 0; done < tensor.elements(); done += PIECE) {
                target.append(item.name(), weights.read(tensor, done, (int) Math.min(PIECE, tensor.elements() - done)));
            }
        }
    }

    private static float[] turned(float[] values, int rows, int columns) {
        float[] turned = new float[values.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                turned[column * rows + row] = values[row * columns + column];
            }
        }
        return turned;
    }
}
