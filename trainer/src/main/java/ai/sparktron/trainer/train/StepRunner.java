package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.data.StepData;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One optimizer step of one rank: forward and backward of its micro-batches, then the update. What is trained to is the {@link StepObjective}'s. */
public final class StepRunner {

    /**
     * What a step leaves, the same on every rank but for the times.
     *
     * @param tokens        tokens of the global batch, padding left out
     * @param gradientNorm  float32: norm of the mean gradient before clipping; where it is not finite, nothing was updated
     * @param skipped       whether that was an overflow of float16, which a smaller loss scale may mend
     * @param phases        seconds by phase of this rank's thread, which does not wait for a device
     */
    public record Outcome(long tokens, Readback gradientNorm, boolean skipped, Map<String, Double> phases) {
    }

    private final Engine engine;
    private final StageRunner stage;
    private final ModelUpdate update;
    private final Communicator ranks;
    private final boolean speaks;
    private final StepObjective objective;
    private final LossScale scale;
    private final Tensor scaledLoss;
    private final RouterWatch routers;
    private final Runnable afterUpdate;
    private final ParameterNorm parameterNorm;

    /**
     * @param stage     this rank's layers
     * @param ranks     over which tokens are counted
     * @param speaks    whether this rank counts what it works on
     * @param scale     factor on losses
     * @param routers   hears when the micro-batches of a step are through; null in models without experts
     * @param afterUpdate run when a step's update is enqueued
     * @param norm      of the parameters; null where it is not reported
     * @param run       gives the sum of losses that have a factor
     */
    StepRunner(Engine engine, StageRunner stage, ModelUpdate update, Communicator ranks, boolean speaks, StepObjective objective, LossScale scale, RouterWatch routers,
               Runnable afterUpdate, ParameterNorm norm, Arena.Frame run) {
        this.engine = engine;
        this.stage = stage;
        this.update = update;
        this.ranks = ranks;
        this.speaks = speaks;
        this.objective = objective;
        this.scale = scale;
        this.scaledLoss = run.tensor("scaled loss", DType.F32, objective.lossSum() == null ? 1 : objective.lossSum().elements());
        this.routers = routers;
        this.afterUpdate = afterUpdate;
        this.parameterNorm = norm;
    }

    /** Trains on one global batch. */
    public Outcome train(StepData step, double learningRate) {
        long start = System.nanoTime();
        long tokens = speaks ? step.microBatches().stream().mapToLong(StepRunner::realTokens).sum() : 0;
        double[] global = RankSums.of(ranks, objective.divisor(step.microBatches()), tokens);
        update.begin();
        computeGradients(objective.work(step.microBatches(), Pass.Mode.TRAIN));
        if (routers != null) {
            routers.afterStep(global[0] * scale.factor());
        }
        long computed = System.nanoTime();
        Readback norm = engine.readLater(update.apply(learningRate, global[0] * scale.factor()));
        afterUpdate.run();
        boolean skipped = scale.isDynamic() && takeBackIfOverflowed(norm);
        long updated = System.nanoTime();
        Map<String, Double> phases = new LinkedHashMap<>();
        phases.put("forward-backward", (computed - start) * 1e-9);
        phases.put("update", (updated - computed) * 1e-9);
        return new Outcome(Math.round(global[1]), norm, skipped, phases);
    }

    /** Forward and backward of all micro-batches; adds to the figures. */
    private void computeGradients(List<StageRunner.Work> work) {
        float factor = scale.factor();
        if (factor == 1) {
            stage.train(work, objective.lossSum());
            return;
        }
        List<StageRunner.Work> scaled = work.stream().map(one -> one.scaled(factor)).toList();
        if (objective.lossSum() == null) {
            stage.train(scaled, null);
            return;
        }
        engine.kernels().fill(scaledLoss, 0);
        stage.train(scaled, scaledLoss);
        engine.kernels().addScaled(1 / factor, scaledLoss, objective.lossSum());
    }

    /** The norm is over all ranks, so all of them take the step back, and change the scale, alike. */
    private boolean takeBackIfOverflowed(Readback norm) {
        boolean overflowed = !Double.isFinite(norm.number());
        boolean mendable = !scale.isSmallest();
        if (overflowed) {
            update.restore(update.steps() - 1);
        }
        scale.update(overflowed);
        return overflowed && mendable;
    }

    /** Steps so far that updated nothing. */
    long skippedSteps() {
        return scale.skipped();
    }

    /** Forward alone; adds to the figures. */
    public void evaluate(List<MicroBatch> batches) {
        stage.evaluate(objective.work(batches, Pass.Mode.EVALUATE), objective.lossSum());
    }

    private static long realTokens(MicroBatch batch) {
        return batch.rows().stream().mapToLong(MicroBatch.Row::tokens).sum();
    }

    /** Starts reading this rank's figures since the last call, and starts those anew. */
    public StepObjective.Taken takeFigures() {
        return objective.take();
    }

    /** Starts reading the square of the parameters' norm, over all ranks, which call it together; null where it is not reported. */
    Readback takeParameterNorm() {
        return parameterNorm == null ? null : parameterNorm.startReadingSquare();
    }

    /** What routers counted since the last call, over all ranks, which call it together; null in models without experts. */
    RouterWatch.Report takeRouters() {
        return routers == null ? null : routers.report();
    }
}
