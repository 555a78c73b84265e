package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.TensorEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The tensors of a model in a Hugging Face directory, whatever form the files have them in: with or without the prefix {@code model.}, experts one by one or fused,
 * any float type or FP8 by blocks. All names and shapes are checked when the files are opened. A head that gives one number may be missing: training begins without.
 */
final class StoredModel implements AutoCloseable {

    private static final String PREFIX = "model.";
    private static final String HEAD = "lm_head.weight";
    private static final String SCALES = "_scale_inv";

    private final SafetensorsFolder folder;
    private final ModelConfig config;
    private final boolean bare;
    private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    private final Map<String, Extra> extras = new LinkedHashMap<>();
    private final Set<String> used = new HashSet<>();
    private final List<String> problems = new ArrayList<>();

    /**
     * A tensor that belongs to the files and not to the layers that are built.
     *
     * @param entry name with the prefix, and shape
     */
    record Extra(TensorEntry entry, StoredTensor stored) {
    }

    private StoredModel(SafetensorsFolder folder, ModelConfig config) {
        this.folder = folder;
        this.config = config;
        this.bare = !folder.contains("model.embed_tokens.weight") && folder.contains("embed_tokens.weight");
    }

    /**
     * Opens the files of a model.
     *
     * @throws IllegalArgumentException when tensors are missing, unknown, quantised in a way that cannot be read, or of another shape; names them and the files
     * @throws IOException              when files are missing, truncated or corrupt
     */
    static StoredModel open(Path directory, ModelConfig config) throws IOException {
        SafetensorsFolder folder = SafetensorsFolder.open(directory);
        try {
            StoredModel files = new StoredModel(folder, config);
            files.resolve();
            return files;
        } catch (IOException | RuntimeException e) {
            folder.close();
            throw e;
        }
    }

    /** The tensor of that name. */
    StoredTensor get(TensorSpec tensor) {
        return tensors.get(tensor.name());
    }

    boolean has(TensorSpec tensor) {
        return tensors.containsKey(tensor.name());
    }

    /** What is kept for those who use it: layers that predict further tokens, where they are not trained. */
    Collection<Extra> extras() {
        return List.copyOf(extras.values());
    }

    private void resolve() throws IOException {
        for (ParameterSpec parameter : DecoderSpecs.of(config)) {
            for (TensorSpec tensor : parameter.parts()) {
                resolve(tensor);
            }
        }
        for (String name : folder.names()) {
            boolean known = used.contains(name) || name.endsWith("rotary_emb.inv_freq") || name.equals(HEAD) && (config.tiedEmbeddings() || config.scores());
            if (!known && isBehindTheLayers(name)) {
                if (!isShared(name)) {
                    keep(name);
                }
            } else if (!known) {
                problems.add("unknown " + name + " in " + folder.file(name).file());
            }
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException(folder.folder() + ": " + problems.size() + " of its tensors do not fit its config.json ("
                    + config.family().name() + "): " + String.join("; ", problems.subList(0, Math.min(10, problems.size())))
                    + (problems.size() > 10 ? "; ..." : ""));
        }
    }

    private String inFiles(String name) {
        return bare && name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
    }

    private void resolve(TensorSpec tensor) throws IOException {
        String name = inFiles(tensor.name());
        if (folder.contains(name)) {
            used.add(name);
            if (!folder.entry(name).shape().equals(tensor.shape())) {
                problems.add(name + " has shape " + folder.entry(name).shape() + " in " + folder.file(name).file() + ", expected " + tensor.shape());
                return;
            }
            tensors.put(tensor.name(), stored(name));
            return;
        }
        if (tensor.name().equals(DecoderSpecs.SCORE)) {
            return;
        }
        StoredTensor fused = tensor.ofExpert() ? fused(tensor) : null;
        if (fused == null) {
            problems.add("missing " + name + " " + tensor.shape());
        } else {
            tensors.put(tensor.name(), fused);
        }
    }

    /** Float types are read as they are, FP8 with its scales. */
    private StoredTensor stored(String name) throws IOException {
        String scales = name + SCALES;
        if (folder.entry(name).dtype() != DType.F8_E4M3 || !folder.contains(scales)) {
            return StoredTensor.plain(folder, name);
        }
        used.add(scales);
        return blocks(name, folder.entry(name).shape(), scales);
    }

    private StoredTensor blocks(String name, Shape shape, String scales) throws IOException {
        List<Integer> block = config.weightBlock();
        int rows = block.get(0);
        int columns = block.get(1);
        Shape expected = Shape.of((shape.size(0) + rows - 1) / rows, (shape.size(shape.rank() - 1) + columns - 1) / columns);
        if (shape.rank() != 2 || !folder.entry(scales).shape().equals(expected)) {
            throw new IllegalArgumentException(folder.file(scales).file() + ": tensor " + scales + " has shape " + folder.entry(scales).shape() + ", expected " + expected
                    + ", a scale for each block of " + rows + " x " + columns + " (weight_block_size) of " + name + " " + shape);
        }
        int count = Math.toIntExact(expected.elements());
        return new StoredTensor.Blocks(folder, name, shape.size(1), rows, columns, folder.readFloats(scales, 0, count));
    }

    /** Part of one tensor for all experts of a layer, as newer transformers have them in memory: [E, 2F, D] of [gate; up], and [E, D, F]. Null when there is none. */
    private StoredTensor fused(TensorSpec tensor) {
        String name = inFiles(tensor.name());
        String all = name.substring(0, name.indexOf(".experts.") + ".experts.".length());
        boolean down = name.endsWith("." + config.family().expertDown() + ".weight");
        String stored = all + (down ? "down_proj" : "gate_up_proj");
        int experts = config.experts().experts();
        Shape expected = Shape.of(experts, (down ? 1 : 2) * tensor.rows(), tensor.columns());
        if (!folder.contains(stored) || !folder.entry(stored).shape().equals(expected)) {
            return null;
        }
        used.add(stored);
        boolean up = !down && !name.endsWith("." + config.family().expertGate() + ".weight");
        long ofExpert = expected.elements() / experts;
        return new StoredTensor.Plain(folder, stored, tensor.expert().index() * ofExpert + (up ? tensor.elements() : 0));
    }

    /** Layers past the last one predict tokens further on. */
    private boolean isBehindTheLayers(String name) {
        String layers = inFiles("model.layers.");
        if (!name.startsWith(layers)) {
            return false;
        }
        int layer = layer(name);
        return layer >= config.layers() && layer < config.layers() + config.mtpLayers();
    }

    private int layer(String name) {
        String number = name.substring(inFiles("model.layers.").length()).split("\\.")[0];
        return number.chars().allMatch(Character::isDigit) ? Integer.parseInt(number) : 0;
    }

    /** What a layer that is trained has again of the model's own: it follows that. */
    private boolean isShared(String name) {
        boolean trained = layer(name) < config.layers() + config.prediction().layers();
        String tensor = name.endsWith(SCALES) ? name.substring(0, name.length() - SCALES.length()) : name;
        return trained && DecoderSpecs.sharedBy(config, tensor) != null;
    }

    private void keep(String name) throws IOException {
        boolean scale = name.endsWith(SCALES) && folder.contains(name.substring(0, name.length() - SCALES.length()));
        if (!scale) {
            String full = bare && !name.startsWith(PREFIX) ? PREFIX + name : name;
            extras.put(full, new Extra(new TensorEntry(full, DType.F32, folder.entry(name).shape()), stored(name)));
        }
    }

    @Override
    public void close() throws IOException {
        folder.close();
    }
}
