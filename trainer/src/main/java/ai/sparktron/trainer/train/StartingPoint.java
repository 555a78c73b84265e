package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.convert.HuggingFaceImporter;
import ai.sparktron.trainer.convert.PeftAdapter;
import ai.sparktron.trainer.data.DataCursor;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.Initialiser;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tuner.PeftConfig;
import ai.sparktron.trainer.tuner.Tuning;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What a run begins with: what of the model is trained, its weights, and its place in the data. Weights are those of the checkpoint to continue, of {@code --load},
 * of {@code --model}, or random; those of an adapter of {@code --adapter_load}, or new.
 */
final class StartingPoint {

    private final RunPlan plan;
    private final Options options;
    private final ModelConfig config;
    private final Tuning tuning;
    private final Engine engine;
    private final Consumer<String> line;

    /** @param line hears what is loaded */
    StartingPoint(RunPlan plan, ModelConfig config, Tuning tuning, Engine engine, Consumer<String> line) {
        this.plan = plan;
        this.options = plan.options();
        this.config = config;
        this.tuning = tuning;
        this.engine = engine;
        this.line = line;
    }

    /** What is trained: by the options, or by the adapter that training goes on with. */
    static Tuning tuning(Options options, ModelConfig config) {
        Optional<Path> adapter = adapter(options);
        if (adapter.isEmpty()) {
            return Tuning.of(options.tuner(), DecoderSpecs.of(config), options.training().seed());
        }
        try (PeftAdapter opened = PeftAdapter.open(adapter.get())) {
            return opened.tuning(DecoderSpecs.of(config), options.tuner().loraDropout(), options.training().seed());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the adapter in " + adapter.get(), e);
        }
    }

    /** Directory of the adapter to go on with: {@code --adapter_load}, or the newest checkpoint in it. */
    private static Optional<Path> adapter(Options options) {
        return options.tuner().adapterLoad().map(Path::of).map(path -> PeftConfig.isIn(path) ? path : CheckpointStore.open(path).directory());
    }

    /** The checkpoint that is continued exactly: the run's own newest, or the one that {@code --finetune false} names. */
    private Optional<SavedCheckpoint> continued(Optional<SavedCheckpoint> own) {
        if (own.isPresent() || options.checkpoint().finetune()) {
            return own;
        }
        return tuning.peft().isPresent() ? options.tuner().adapterLoad().map(Path::of).map(CheckpointStore::open) : plan.load().map(CheckpointStore::open);
    }

    /**
     * Fills the model.
     *
     * @param own  newest checkpoint of this very run, where an earlier attempt left one
     * @param rows rows of the training data
     */
    Checkpointer.Progress fill(ModelUpdate update, Checkpointer checkpointer, Optional<SavedCheckpoint> own, long rows) throws IOException {
        Optional<SavedCheckpoint> continued = continued(own);
        boolean frozen = tuning.freezes(DecoderSpecs.of(config));
        if (continued.isEmpty() || frozen) {
            // Checkpoints hold what is trained; what is frozen comes from where it came from at first.
            update.load((parameters, weights) -> load(parameters, weights, continued.isEmpty()));
        }
        if (continued.isPresent()) {
            Checkpointer.Progress progress = checkpointer.restore(continued.get(), rows);
            line.accept("continuing from step " + progress.iteration() + " of " + continued.get().directory());
            return progress;
        }
        return new Checkpointer.Progress(0, DataCursor.start(rows, options.training().seed()), Double.NaN, 0);
    }

    private void load(Parameters parameters, FlatWeights weights, boolean additionsToo) throws IOException {
        long seed = options.training().seed();
        if (plan.load().isPresent()) {
            weightsOf(CheckpointStore.open(plan.load().get()).directory(), parameters, weights);
        } else if (options.checkpoint().noInitialization()) {
            weightsOf(Path.of(plan.model()), parameters, weights);
        } else {
            line.accept("random weights from " + plan.model() + "/config.json, seed " + seed);
            Initialiser.initialise(parameters, engine.kernels(), seed);
            parameters.all().forEach(weights::adopt);
        }
        if (tuning.peft().isEmpty() || !additionsToo) {
            return;
        }
        Optional<Path> adapter = adapter(options);
        if (adapter.isPresent()) {
            line.accept("adapter of " + adapter.get());
            try (PeftAdapter opened = PeftAdapter.open(adapter.get())) {
                opened.load(parameters, engine, weights);
            }
        } else {
            parameters.all().stream().filter(parameter -> parameter.spec().name().contains(".lora_"))
                    .forEach(parameter -> {
                        Initialiser.initialise(parameter, engine.kernels(), seed);
                        weights.adopt(parameter);
                    });
        }
    }

    private void weightsOf(Path directory, Parameters parameters, FlatWeights weights) throws IOException {
        line.accept("weights of " + directory);
        for (Parameter missing : new HuggingFaceImporter(config, engine).load(directory, parameters, weights)) {
            line.accept(missing.spec().parts().get(0).name() + " is not among them: random, seed " + options.training().seed());
            Initialiser.initialise(missing, engine.kernels(), options.training().seed());
            weights.adopt(missing);
        }
    }
}
