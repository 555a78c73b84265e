package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Initialiser;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Prediction;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tuner.Tuning;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;

/**
 * A model of a Hugging Face directory on one engine, whole or a part of it, with the arenas it needs: for inference, verification and comparisons. With an adapter,
 * what the adapter has of its own is what is trained.
 */
public final class LoadedModel implements AutoCloseable {

    private static final long CHUNK_BYTES = 16L << 20;

    private final Engine engine;
    private final StackArena run;
    private final Arena.Frame frame;
    private final StackArena microBatch;
    private final StackArena scratch;
    private final Parameters parameters;
    private final Tuning tuning;
    private final List<DecoderModel> models = new ArrayList<>();

    /** @param seed of random weights; empty = those of the directory */
    private LoadedModel(Engine engine, Path directory, DType dtype, Parameters.Use use, Settings settings, OptionalLong seed) throws IOException {
        this.engine = engine;
        this.run = StackArena.growing("run", engine.memory(), CHUNK_BYTES);
        this.frame = run.open("model");
        this.microBatch = StackArena.growing("micro-batch", engine.memory(), CHUNK_BYTES);
        this.scratch = StackArena.growing("call", engine.memory(), CHUNK_BYTES);
        try (PeftAdapter adapter = settings.adapter().isPresent() ? PeftAdapter.open(settings.adapter().get()) : null) {
            ModelConfig config = (adapter == null ? ConfigReader.read(directory) : adapter.modelOf(directory)).predicting(settings.prediction());
            List<ModelPart> parts = settings.parts().apply(config);
            List<ParameterSpec> specs = DecoderSpecs.of(config);
            this.tuning = adapter == null ? Tuning.everything(specs) : adapter.tuning(specs, 0, 0);
            boolean beside = adapter == null || settings.use() == Settings.AdapterUse.BESIDE;
            List<ParameterSpec> held = beside ? tuning.applyTo(config, parts) : DecoderSpecs.of(config, parts);
            this.parameters = Parameters.allocate(held, settings.seams().slicing(), frame, dtype, use, 1);
            if (seed.isPresent()) {
                Initialiser.initialise(parameters, engine.kernels(), seed.getAsLong());
            } else {
                load(config, directory, adapter == null ? Set.of() : adapter.wholeTensors());
            }
            if (adapter != null) {
                adapter.load(parameters, engine);
            }
            if (!beside) {
                MergedWeights.requireSeparable(tuning.adapters(), config.tiedEmbeddings());
                merge(adapter, held, settings);
            }
            Adapters adapters = beside ? tuning.adapters() : Adapters.none();
            for (ModelPart part : parts) {
                models.add(new DecoderModel(config, new DecoderModel.Options(part, settings.seams(), settings.recompute(), settings.chunkBytes(), settings.maxLength(),
                        adapters), parameters, engine, frame));
            }
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** @param elsewhere names of tensors that an adapter brings whole */
    private void load(ModelConfig config, Path directory, Set<String> elsewhere) throws IOException {
        List<Parameter> missing = new HuggingFaceImporter(config, engine).load(directory, parameters);
        if (!missing.isEmpty() && !elsewhere.contains(DecoderSpecs.SCORE)) {
            throw new IllegalArgumentException(directory + ": config.json says " + config.architecture() + ", but the files have no " + DecoderSpecs.SCORE
                    + "; train one with rlhf --rlhf_type rm");
        }
    }

    private void merge(PeftAdapter adapter, List<ParameterSpec> held, Settings settings) throws IOException {
        AdapterMerge merge = new AdapterMerge(tuning.adapters(), engine);
        try (Arena.Frame additions = scratch.open("additions")) {
            Parameters low = Parameters.allocate(merge.additions(held), settings.seams().slicing(), additions, parameters.value().dtype(),
                    Parameters.Use.INFER, 1);
            adapter.load(low, engine);
            merge.into(parameters, low);
            engine.synchronize();
        }
    }

    /**
     * How it is run.
     *
     * @param maxLength  longest document expected, in tokens
     * @param recompute  what is computed again in backward
     * @param chunkBytes largest size of the logits of a loss that exist at a time
     * @param seams      strategies; decide what of each tensor is held here
     * @param parts      layers held here
     * @param adapter    directory of a LoRA adapter
     * @param use        where the adapter goes
     * @param prediction layers that are trained to predict tokens further on
     */
    public record Settings(int maxLength, Recompute recompute, long chunkBytes, Seams seams, Function<ModelConfig, List<ModelPart>> parts, Optional<Path> adapter,
            AdapterUse use, Prediction prediction) {

        /** Where an adapter goes. */
        public enum AdapterUse {
            /** Stays beside the weights, as in training. */
            BESIDE,
            /** Is added to the weights: the model is as fast as without. */
            MERGED
        }

        public static Settings of(int maxLength) {
            return new Settings(maxLength, Recompute.none(), DecoderModel.Options.DEFAULT_CHUNK_BYTES, Seams.single(), config -> List.of(ModelPart.whole(config)),
                    Optional.empty(), AdapterUse.BESIDE, Prediction.NONE);
        }

        /** The same with an adapter. */
        public Settings with(Path adapterDirectory, AdapterUse where) {
            return new Settings(maxLength, recompute, chunkBytes, seams, parts, Optional.of(adapterDirectory), where, prediction);
        }
    }

    /**
     * Opens a directory.
     *
     * @param engine stays the caller's
     * @param dtype  type of parameters and activations
     * @throws IllegalArgumentException as {@link ConfigReader}, {@link HuggingFaceImporter} and {@link PeftAdapter}
     */
    public static LoadedModel open(Engine engine, Path directory, DType dtype, Parameters.Use use, Settings settings) throws IOException {
        return new LoadedModel(engine, directory, dtype, use, settings, OptionalLong.empty());
    }

    /** As {@link #open}, of a directory whose config.json alone is read, with random weights: for measuring. */
    public static LoadedModel random(Engine engine, Path directory, DType dtype, Parameters.Use use, Settings settings, long seed) throws IOException {
        return new LoadedModel(engine, directory, dtype, use, settings, OptionalLong.of(seed));
    }

    public Engine engine() {
        return engine;
    }

    public ModelConfig config() {
        return models.get(0).config();
    }

    /** The model, or the first of its parts. */
    public DecoderModel model() {
        return models.get(0);
    }

    /** The parts held here, in the order of the model. */
    public List<DecoderModel> models() {
        return List.copyOf(models);
    }

    public Parameters parameters() {
        return parameters;
    }

    /** What of it is trained: all, or what the adapter has of its own. */
    public Tuning tuning() {
        return tuning;
    }

    /** Frame of the run arena, for what lives as long as the model. */
    public Arena.Frame frame() {
        return frame;
    }

    /** Arena of one micro-batch. */
    public Arena microBatch() {
        return microBatch;
    }

    /** Arena of calls. */
    public Arena scratch() {
        return scratch;
    }

    @Override
    public void close() {
        scratch.close();
        microBatch.close();
        frame.close();
        run.close();
    }
}
