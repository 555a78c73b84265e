package ai.sparktron.trainer.plan;

import ai.sparktron.trainer.config.EngineOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.parallel.StageLayout;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.train.RankMeasurement;
import ai.sparktron.trainer.train.RunSetup;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A grid of ranks with what each of its stages takes and does. Ranks of a stage differ in which part of it they hold and not in how much, so the first one stands
 * for all.
 *
 * @param options      of the run
 * @param config       of the model
 * @param mesh         the grid
 * @param rowTokens    tokens of the longest row
 * @param microBatches of a rank in a step
 * @param stages       the first rank of each pipeline stage, in order
 */
public record GridPlan(Options options, ModelConfig config, Mesh mesh, int rowTokens, int microBatches, List<RankMeasurement> stages) {

    public GridPlan {
        stages = List.copyOf(stages);
    }

    /**
     * Measures a grid.
     *
     * @throws IllegalArgumentException when options, model and number of ranks do not fit each other; names the options
     */
    public static GridPlan of(Options options, RankMeasurement.Subject subject) {
        Mesh mesh = mesh(options);
        List<RankMeasurement> stages = new ArrayList<>();
        for (int stage = 0; stage < mesh.pipeline(); stage++) {
            stages.add(measure(options, subject, mesh, stage));
        }
        return new GridPlan(options, subject.config(), mesh, subject.rowTokens(), options.derived().gradientAccumulationSteps(), stages);
    }

    /**
     * As the other, quicker: of stages with the same kinds of layers the first is measured, which has most passes in flight, and stands for all of them; and when a
     * stage is found that is above the subject's limit, it stands for all that are not measured yet.
     */
    static GridPlan sketch(Options options, RankMeasurement.Subject subject) {
        Mesh mesh = mesh(options);
        StageLayout layout = RunSetup.layout(options.parallel(), subject.config().layers());
        Map<String, RankMeasurement> byKind = new HashMap<>();
        List<RankMeasurement> stages = new ArrayList<>();
        RankMeasurement above = null;
        for (int stage = 0; stage < mesh.pipeline(); stage++) {
            String kind = kind(layout.parts().get(stage), subject.config());
            RankMeasurement measured = above == null ? byKind.get(kind) : above;
            if (measured == null) {
                measured = measure(options, subject, mesh, stage);
                byKind.put(kind, measured);
                above = measured.memory().total() > subject.limitBytes() ? measured : null;
            }
            stages.add(measured);
        }
        return new GridPlan(options, subject.config(), mesh, subject.rowTokens(), options.derived().gradientAccumulationSteps(), stages);
    }

    /** What chunks are made of: {@code E} an embedding, {@code L} the head, {@code x} a layer with experts, {@code t} one without. */
    private static String kind(List<ModelPart> chunks, ModelConfig config) {
        StringBuilder kind = new StringBuilder();
        for (ModelPart part : chunks) {
            kind.append(part.hasEmbedding() ? "|E" : "|");
            for (int layer = part.firstLayer(); layer < part.firstLayer() + part.layers(); layer++) {
                kind.append(config.hasExperts(layer) ? 'x' : 't');
            }
            kind.append(part.hasHead() ? "L" : "");
        }
        return kind.toString();
    }

    private static RankMeasurement measure(Options options, RankMeasurement.Subject subject, Mesh mesh, int stage) {
        return RankMeasurement.of(options, subject, stage * (mesh.ranks() / mesh.pipeline()), mesh.ranks());
    }

    private static Mesh mesh(Options options) {
        return RunSetup.mesh(options, options.derived().numRanks());
    }

    /** The stage whose ranks take most memory. */
    public int fullestStage() {
        return IntStream.range(0, stages.size()).boxed().max(Comparator.comparingLong(stage -> stages.get(stage).memory().total()))
                .orElseThrow();
    }

    /** Most bytes that a rank takes, with what lies outside of the arenas on a GPU. */
    public long peakBytes() {
        return stages.get(fullestStage()).memory().total() + outsideBytes();
    }

    /** Bytes of a GPU that the arenas do not know of; none on the CPU. */
    public long outsideBytes() {
        return options.engine().engine() == EngineOptions.Engine.CUDA ? Hardware.OUTSIDE_BYTES : 0;
    }

    /** Type of weights and activations. */
    public DType values() {
        return stages.get(0).values();
    }

    /** How layers are dealt to stages. */
    public StageLayout layout() {
        return RunSetup.layout(options.parallel(), config.layers());
    }

    /** Chunks of layers of each stage. */
    int chunks() {
        return layout().pipeline().chunks();
    }

    /** Tokens of a step. */
    public double tokens() {
        return (double) options.training().globalBatchSize() * rowTokens;
    }
}
