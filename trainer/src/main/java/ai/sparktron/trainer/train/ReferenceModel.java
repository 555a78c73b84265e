package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.convert.HuggingFaceImporter;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.Balancing;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Fp8;
import ai.sparktron.trainer.layer.Initialiser;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tuner.Tuning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The frozen model that preferences are measured from, dealt to ranks as the policy is. Where low-rank additions are all that is trained, it is the policy's own weights
 * without them and costs no memory; else it has weights of its own, without gradients and optimizer state.
 */
final class ReferenceModel {

    private final Options options;
    private final ModelConfig config;
    private final Engine engine;
    private final Parameters own;
    private final List<DecoderModel> chunks = new ArrayList<>();

    /**
     * @param tuning  of the policy
     * @param policy  its parameters
     * @param dtype   of weights of its own
     * @param longest tokens of the longest document
     * @param fp8     how its linears multiply in eight bits, as the policy's do; null = in the weights' type
     * @param run     gives what lives as long as the run
     */
    ReferenceModel(Options options, ModelConfig config, Tuning tuning, Parameters policy, DType dtype, ParallelPlan grid, int longest, Engine engine, Fp8 fp8, Arena.Frame run) {
        this.options = options;
        this.config = config;
        this.engine = engine;
        List<ModelPart> parts = grid.parts(config);
        boolean shares = options.preference().refLoad().isEmpty() && !tuning.adapters().isEmpty() && tuning.trained().isEmpty();
        this.own = shares ? null : Parameters.allocate(DecoderSpecs.of(config, parts), grid.seams().slicing(), run, dtype, Parameters.Use.INFER, 1);
        for (ModelPart part : parts) {
            chunks.add(new DecoderModel(config, new DecoderModel.Options(part, grid.seams(), Recompute.none(), DecoderModel.Options.DEFAULT_CHUNK_BYTES, longest,
                    Adapters.none(), Balancing.none(), null, fp8), shares ? policy : own, engine, run));
        }
    }

    /** Its layers on this rank, in the order of the model. */
    List<DecoderModel> chunks() {
        return List.copyOf(chunks);
    }

    /**
     * Fills its weights: those of {@code --ref_load}, else those that the run began with.
     *
     * @param line hears what is loaded
     */
    void load(RunPlan plan, Consumer<String> line) throws IOException {
        if (own == null) {
            line.accept("reference: the model without its additions");
            return;
        }
        Optional<Path> named = options.preference().refLoad().map(Path::of);
        if (named.isEmpty() && plan.load().isEmpty() && !options.checkpoint().noInitialization()) {
            line.accept("reference: the random weights that the run begins with");
            Initialiser.initialise(own, engine.kernels(), options.training().seed());
            return;
        }
        Path directory = named.or(plan::load).map(ReferenceModel::newest).orElse(Path.of(plan.model()));
        line.accept("reference: weights of " + directory);
        new HuggingFaceImporter(config, engine).load(directory, own);
    }

    /** A directory in Hugging Face layout is itself; of a run it is the newest checkpoint. */
    private static Path newest(Path path) {
        return Files.exists(path.resolve("config.json")) ? path : CheckpointStore.open(path).directory();
    }
}
