package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.ModelChecks;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.model.ExpertsConfig;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.RouterConfig;
import ai.sparktron.trainer.train.ModelShape;
import ai.sparktron.trainer.train.RunSetup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a command reads of a model before anything starts: its folders on this machine and its shape, checked against the options.
 *
 * @param model directory with config.json and weights
 * @param tokenizer directory with tokenizer.json
 * @param config shape, with the options of the architecture applied
 */
record RunFolders(Path model, Path tokenizer, ModelConfig config) {

    /** Options with the model of the adapter that training goes on with, where they name none. */
    static Options withModel(Options options) throws IOException {
        boolean named = options.model().model().isPresent() || options.checkpoint().load().isPresent();
        return named || options.tuner().adapterLoad().isEmpty() ? options : AdapterFolder.of("adapter_load", options.tuner().adapterLoad().get()).withModel(options);
    }

    /** Options with the folder of the reference that preferences are measured from, where they name one; a hub's is downloaded. */
    static Options withReference(Options options) {
        return options.preference().refLoad().isEmpty() ? options : options.with("ref_load",
                ModelFolder.model("ref_load", options.preference().refLoad().get(), options.model(), ModelFolder.Weights.NEEDED).toString());
    }

    /** The folders of a training run: {@code --model}, or the checkpoint of {@code --load}. */
    static RunFolders ofTraining(Options options) throws IOException {
        boolean loaded = options.checkpoint().load().isPresent();
        boolean weights = !loaded && options.checkpoint().noInitialization();
        Path model = options.model().model().isPresent()
                ? ModelFolder.model(options.model(), weights ? ModelFolder.Weights.NEEDED : ModelFolder.Weights.NOT_NEEDED)
                : CheckpointStore.open(Path.of(options.checkpoint().load().orElseThrow())).directory();
        if (weights && !hasWeights(model)) {
            throw new ConfigurationException("--model " + model + " has no safetensors files; give a model with weights, or --perform_initialization true"
                    + " to draw random ones");
        }
        RunFolders folders = of(options, model);
        ModelConfig config = folders.config();
        ModelChecks.check(options, shape(config));
        requireStages(options, config);
        return folders;
    }

    private static ModelChecks.Shape shape(ModelConfig config) {
        ExpertsConfig experts = config.experts();
        boolean idle = experts != null && experts.router().chosen() == 1 && experts.router().normalise() && experts.router().score() == RouterConfig.Score.SOFTMAX;
        return new ModelChecks.Shape(config.heads(), config.kvHeads(), config.maxPositions(), config.latent() != null, experts == null ? 0 : experts.experts(), idle);
    }

    /** Layers must be dealt to stages, and micro-batches to chunks, as the options say. */
    private static void requireStages(Options options, ModelConfig config) {
        try {
            RunSetup.layout(options.parallel(), config.layers()).pipeline().requireTrainable(options.derived().gradientAccumulationSteps());
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(e.getMessage());
        }
    }

    /** The folders of a preparation, which needs no weights. */
    static RunFolders ofPreparation(Options options) throws IOException {
        return of(options, ModelFolder.model(options.model(), ModelFolder.Weights.NOT_NEEDED));
    }

    /** The shape alone: of the directory or the config.json that {@code --model} names. */
    static RunFolders ofPlan(Options options) throws IOException {
        Path named = Path.of(options.model().model().orElseThrow());
        if (!Files.isRegularFile(named)) {
            return of(options, ModelFolder.model(options.model(), ModelFolder.Weights.NOT_NEEDED));
        }
        Path folder = named.toAbsolutePath().normalize().getParent();
        return new RunFolders(folder, folder, config(options, named));
    }

    private static ModelConfig config(Options options, Path file) throws IOException {
        return ModelShape.read(options, file);
    }

    /** The folders of a command that reads a model directory. */
    static RunFolders of(Options options, Path model) throws IOException {
        return new RunFolders(model, ModelFolder.tokenizer(options.model(), model), config(options, model.resolve("config.json")));
    }

    private static boolean hasWeights(Path model) throws IOException {
        try (var files = Files.list(model)) {
            return files.anyMatch(file -> file.getFileName().toString().endsWith(".safetensors"));
        }
    }

    /** Most tokens of a sample: {@code --max_length}, else the model's longest sequence. */
    int maxLength(Options options) {
        return options.template().maxLength().or(() -> options.training().seqLength()).orElse(config.maxPositions());
    }

    /** Tokens of a row: {@code --packing_length} when packing, else those of a sample, or of both samples of a pair. */
    int rowLength(Options options) {
        int together = maxLength(options) * (options.trainsOnPairs() ? 2 : 1);
        return options.packing().packing() ? options.packing().packingLength().orElse(together) : together;
    }

    /** Refuses a tokenizer whose ids the model does not have. */
    void requireVocabulary(int tokenizerSize) {
        if (tokenizerSize > config.vocabularySize()) {
            throw new ConfigurationException("the tokenizer in " + tokenizer + " has " + tokenizerSize + " tokens, the model in " + model + " only "
                    + config.vocabularySize() + " (vocab_size); give the model's own tokenizer, or with random weights --padded_vocab_size " + tokenizerSize);
        }
    }
}
