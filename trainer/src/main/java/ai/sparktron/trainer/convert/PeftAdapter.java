package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ExpertNames;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tuner.PeftConfig;
import ai.sparktron.trainer.tuner.Tuning;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A LoRA adapter in PEFT's form, open: its settings, which tensors of a model it adds to, which it replaces, and their values. Which modules have additions, and of
 * what rank, is read off the tensors that are there, so any way of naming targets is understood.
 */
public final class PeftAdapter implements AutoCloseable {

    /** Name of the file with the tensors. */
    public static final String FILE = "adapter_model.safetensors";
    /** What PEFT writes before a tensor's name. */
    static final String PREFIX = "base_model.model.";

    private static final String BASE_LAYER = ".base_layer.";
    private static final String TIED_HEAD = "lm_head.weight";
    private static final String TABLE = "model.embed_tokens.weight";

    private final Path directory;
    private final PeftConfig config;
    private final SafetensorsFolder tensors;
    private final Map<String, String> fileNames = new LinkedHashMap<>();
    private final StackedAdditions stacked;

    private PeftAdapter(Path directory, PeftConfig config, SafetensorsFolder tensors) {
        this.directory = directory;
        this.config = config;
        this.tensors = tensors;
        this.stacked = new StackedAdditions(tensors, config);
        for (String name : tensors.names()) {
            String bare = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
            if (!stacked.take(bare, name)) {
                fileNames.put(bare.replace(BASE_LAYER, "."), name);
            }
        }
    }

    /**
     * Opens an adapter's directory.
     *
     * @throws IllegalArgumentException when it is none, or of a kind that is not built
     */
    public static PeftAdapter open(Path directory) throws IOException {
        PeftConfig config = PeftConfig.read(directory);
        if (!Files.exists(directory.resolve(FILE))) {
            boolean old = Files.exists(directory.resolve("adapter_model.bin"));
            throw new IllegalArgumentException(directory + " has no " + FILE + (old ? ", but an adapter_model.bin: save it with PEFT again, which writes safetensors" : ""));
        }
        return new PeftAdapter(directory, config, SafetensorsFolder.open(directory, FILE));
    }

    public PeftConfig config() {
        return config;
    }

    /** The model of a directory as this adapter makes it: with a head of rewards where the adapter has one. @throws IllegalArgumentException as {@link ConfigReader} */
    public ModelConfig modelOf(Path directory) {
        return config.givesRewards() ? ConfigReader.readScoring(directory) : ConfigReader.read(directory);
    }

    /**
     * The additions, by the name of the tensor added to.
     *
     * @param model parameters of the whole model
     * @throws IllegalArgumentException when tensors do not fit the model; names them
     */
    public Map<String, LowRank> additions(List<ParameterSpec> model) {
        nameLike(model.stream().flatMap(parameter -> parameter.parts().stream()));
        requireOneTable(model);
        Map<String, TensorSpec> known = new LinkedHashMap<>();
        model.forEach(parameter -> parameter.parts().forEach(part -> known.put(part.name(), part)));
        Map<String, LowRank> additions = new TreeMap<>();
        List<String> problems = new ArrayList<>();
        for (String name : fileNames.keySet()) {
            int at = name.indexOf(".lora_");
            if (at < 0) {
                checkWhole(name, known, problems);
            } else if (name.endsWith(".lora_A.weight") || name.endsWith(".lora_embedding_A")) {
                String module = name.substring(0, at);
                TensorSpec weight = known.get(module + ".weight");
                int rank = (int) shape(name).size(0);
                if (weight == null || !fits(name, weight, rank)) {
                    problems.add(fileNames.get(name) + " " + shape(name) + " with its B " + (weight == null ? "adds to a module that the model has not"
                            : "does not fit " + weight.name() + " " + weight.shape()));
                } else {
                    additions.put(weight.name(), config.addition(module, rank));
                }
            } else if (!name.endsWith(".lora_B.weight") && !name.endsWith(".lora_embedding_B")) {
                problems.add(fileNames.get(name) + " is of a kind of adapter that is not built");
            }
        }
        stacked.additions(model, additions, problems);
        if (additions.isEmpty() && problems.isEmpty()) {
            problems.add("it has no lora_A tensors");
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException(directory.resolve(FILE) + " does not fit the model: " + String.join("; ", problems.subList(0, Math.min(8, problems.size())))
                    + (problems.size() > 8 ? "; ..." : "") + ". Give the model that the adapter was trained on" + config.baseModel().map(name -> ", " + name).orElse(""));
        }
        return additions;
    }

    /**
     * What is trained when training goes on with this adapter.
     *
     * @param model   parameters of the whole model
     * @param dropout where the adapter does not say it: PEFT does not load one with additions to parameters that has dropout
     * @param seed    of dropout
     * @throws IllegalArgumentException as {@link #additions}
     */
    public Tuning tuning(List<ParameterSpec> model, double dropout, long seed) {
        return Tuning.of(config, additions(model), wholeTensors(), model, config.targetParameters().isEmpty() ? config.dropout() : dropout, seed);
    }

    /** PEFT on transformers 5 saves names of its modules, which for some families are not those of published weights. */
    private void nameLike(Stream<TensorSpec> model) {
        Map<String, String> theirs = new LinkedHashMap<>();
        model.map(TensorSpec::name).filter(name -> !name.equals(ExpertNames.inTransformers(name)))
                .forEach(name -> theirs.put(stem(ExpertNames.inTransformers(name)), stem(name)));
        if (!theirs.isEmpty()) {
            Map<String, String> renamed = new LinkedHashMap<>();
            fileNames.forEach((name, file) -> renamed.put(theirs.getOrDefault(stem(name), stem(name)) + name.substring(stem(name).length()), file));
            fileNames.clear();
            fileNames.putAll(renamed);
        }
    }

    /** Name of a tensor's module. */
    private static String stem(String name) {
        int addition = name.indexOf(".lora_");
        return name.substring(0, addition < 0 ? name.lastIndexOf('.') : addition);
    }

    private Shape shape(String name) {
        return tensors.entry(fileNames.get(name)).shape();
    }

    private boolean fits(String a, TensorSpec weight, int rank) {
        boolean table = a.endsWith("lora_embedding_A");
        String b = a.replace("lora_A", "lora_B").replace("lora_embedding_A", "lora_embedding_B");
        Shape expectedA = Shape.of(rank, table ? weight.rows() : weight.columns());
        Shape expectedB = Shape.of(table ? weight.columns() : weight.rows(), rank);
        return fileNames.containsKey(b) && shape(a).equals(expectedA) && shape(b).equals(expectedB);
    }

    private void checkWhole(String name, Map<String, TensorSpec> known, List<String> problems) {
        TensorSpec tensor = known.get(name);
        boolean tiedHead = tensor == null && name.equals(TIED_HEAD) && fileNames.containsKey(TABLE);
        if (!tiedHead && (tensor == null || !shape(name).equals(tensor.shape()))) {
            problems.add(fileNames.get(name) + " " + shape(name) + (tensor == null ? " is no tensor of the model" : " has not its shape " + tensor.shape()));
        }
    }

    /** Names of the model's tensors that were trained whole: modules that were saved, and biases; not the matrix under an addition, which PEFT may save too. */
    public Set<String> wholeTensors() {
        Set<String> whole = new LinkedHashSet<>();
        fileNames.forEach((name, inFile) -> {
            boolean underAddition = inFile.contains(BASE_LAYER) && name.endsWith(".weight");
            if (!name.contains(".lora_") && !name.equals(TIED_HEAD) && !underAddition) {
                whole.add(name);
            }
        });
        if (fileNames.containsKey(TIED_HEAD) && !fileNames.containsKey(TABLE)) {
            whole.add(TIED_HEAD);
        }
        return Collections.unmodifiableSet(whole);
    }

    /**
     * Fills the parameters of the additions and replaces the values of tensors that the adapter holds whole.
     *
     * @param parameters of a model with the adapter's additions
     */
    public void load(Parameters parameters, Engine engine) throws IOException {
        load(parameters, engine, EngineNumbers.of(engine, parameters.value()));
    }

    /**
     * As the other, where weights are kept in a form of their own.
     *
     * @param weights takes them, by their elements in the flat value buffer
     */
    public void load(Parameters parameters, Engine engine, StoredNumbers weights) throws IOException {
        nameLike(parameters.all().stream().flatMap(parameter -> parameter.spec().parts().stream()));
        SliceReader reader = new SliceReader(engine);
        for (Parameter parameter : parameters.all()) {
            for (int part = 0; part < parameter.slices().size(); part++) {
                TensorSlice slice = parameter.slices().get(part);
                String name = fileNames.get(slice.tensor().name());
                if (stacked.has(slice.tensor())) {
                    write(cut(stacked.read(slice.tensor()), slice), weights, parameter.partOffset(part));
                    continue;
                }
                if (name == null) {
                    continue;
                }
                if (isTurned(slice.tensor())) {
                    write(turned(name, slice), weights, parameter.partOffset(part));
                } else {
                    reader.load(StoredTensor.plain(tensors, name), slice, weights, parameter.partOffset(part));
                }
            }
        }
    }

    private static boolean isTurned(TensorSpec tensor) {
        return tensor.name().endsWith(".lora_embedding_A");
    }

    private static float[] cut(float[] whole, TensorSlice slice) {
        int columns = (int) slice.columns();
        float[] cut = new float[Math.toIntExact(slice.elements())];
        for (int row = 0; row < slice.rows(); row++) {
            System.arraycopy(whole, (int) ((slice.firstRow() + row) * slice.tensor().columns() + slice.firstColumn()), cut, row * columns, columns);
        }
        return cut;
    }

    /** [V', r] of a file's [r, V]. */
    private float[] turned(String name, TensorSlice slice) throws IOException {
        int rows = Math.toIntExact(slice.rows());
        int rank = Math.toIntExact(slice.columns());
        float[] turned = new float[rows * rank];
        for (int r = 0; r < rank; r++) {
            float[] values = tensors.readFloats(name, r * slice.tensor().rows() + slice.firstRow(), rows);
            for (int row = 0; row < rows; row++) {
                turned[row * rank + r] = values[row];
            }
        }
        return turned;
    }

    private static void write(float[] values, StoredNumbers target, long start) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(values.length * Float.BYTES).order(ByteOrder.nativeOrder());
        bytes.asFloatBuffer().put(values);
        target.write(start, bytes);
    }

    /** A model whose head is its embedding can hold one table; an adapter trained with two cannot be taken on. */
    private void requireOneTable(List<ParameterSpec> model) {
        boolean headOfItsOwn = model.stream().anyMatch(parameter -> parameter.parts().get(0).name().equals(TIED_HEAD));
        if (headOfItsOwn || !fileNames.containsKey(TIED_HEAD) || !fileNames.containsKey(TABLE)) {
            return;
        }
        long elements = shape(TABLE).elements();
        int piece = 1 << 20;
        try {
            for (long from = 0; from < elements; from += piece) {
                int count = (int) Math.min(piece, elements - from);
                if (!Arrays.equals(tensors.readFloats(fileNames.get(TABLE), from, count), tensors.readFloats(fileNames.get(TIED_HEAD), from, count))) {
                    throw new IllegalArgumentException(directory.resolve(FILE) + ": embedding and head were trained apart, but the model's head is its embedding"
                            + " (tie_word_embeddings): merge the adapter with PEFT into a model that is not tied");
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(directory.resolve(FILE) + " cannot be read", e);
        }
    }

    /**
     * The tensors of a model with this adapter in them.
     *
     * @param base  gives the model's own
     * @param model parameters of the whole model
     * @throws IllegalArgumentException as {@link #additions}, or when the additions cannot be merged
     */
    public WeightSource into(WeightSource base, List<ParameterSpec> model) {
        Adapters adapters = tuning(model, 0, 0).adapters();
        boolean tied = model.stream().noneMatch(parameter -> parameter.parts().get(0).name().equals(TIED_HEAD));
        MergedWeights.requireSeparable(adapters, tied);
        WeightSource replaced = (tensor, from, count) -> fileNames.containsKey(tensor.name()) ? read(tensor, from, count) : base.read(tensor, from, count);
        return new MergedWeights(replaced, this::read, adapters);
    }

    private float[] read(TensorSpec tensor, long from, int count) throws IOException {
        if (stacked.has(tensor)) {
            return Arrays.copyOfRange(stacked.read(tensor), (int) from, (int) from + count);
        }
        String name = fileNames.get(tensor.name());
        return isTurned(tensor) ? turned(name, TensorSlice.whole(tensor)) : tensors.readFloats(name, from, count);
    }

    @Override
    public void close() throws IOException {
        tensors.close();
    }
}
