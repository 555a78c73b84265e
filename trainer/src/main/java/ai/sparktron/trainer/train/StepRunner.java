package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.data.StepData;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.TokenNames;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageLinks;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One optimizer step of one rank: forward and backward of its micro-batches, then the update. The loss of a step is the sum over trained tokens divided by their
 * number in the global batch ({@code calculate_per_token_loss}), or the mean over micro-batches of each one's mean.
 */
public final class StepRunner {

    /** How losses of tokens become the loss of a step. */
    public enum Normalisation {
        /** Sum over the global batch by its number of trained tokens; does not depend on how the batch was cut. */
        PER_TOKEN,
        /** Mean of micro-batch means. */
        PER_MICRO_BATCH
    }

    /**
     * What a step leaves, the same on every rank but for the times.
     *
     * @param denominator   trained tokens (or micro-batches) of the global batch that the loss sum is divided by
     * @param tokens        tokens of the global batch, padding left out
     * @param gradientNorm  float32: norm of the mean gradient before clipping; where it is not finite, nothing was updated
     * @param phases        seconds by phase of this rank's thread, which does not wait for a device
     */
    public record Outcome(double denominator, long tokens, Readback gradientNorm, Map<String, Double> phases) {
    }

    private final Engine engine;
    private final StageRunner stage;
    private final ModelUpdate update;
    private final Communicator ranks;
    private final boolean speaks;
    private final boolean mayLeaveOut;
    private final Normalisation normalisation;
    private final Tensor lossSum;

    /**
     * @param stage  this rank's layers
     * @param plan   says over which ranks losses and tokens are counted, and whether this one counts a micro-batch
     * @param links  this rank's stage
     * @param run    gives the sum of losses
     */
    public StepRunner(Engine engine, StageRunner stage, ModelUpdate update, ParallelPlan plan, StageLinks links, Normalisation normalisation, Arena.Frame run) {
        this.engine = engine;
        this.stage = stage;
        this.update = update;
        this.ranks = plan.tokenGroup();
        this.speaks = plan.seams().tokens().rank() == 0 && links.isLast();
        this.mayLeaveOut = !update.meetsInEveryPass() && !plan.meetsInEveryPass() && links.pipeline().chunks() == 1;
        this.normalisation = normalisation;
        this.lossSum = run.tensor("loss sum", DType.F32, 1);
        engine.kernels().fill(lossSum, 0);
    }

    /** Trains on one global batch. */
    public Outcome train(StepData step, double learningRate) {
        long start = System.nanoTime();
        long tokens = 0;
        double denominator = 0;
        for (MicroBatch batch : step.microBatches()) {
            tokens += speaks ? realTokens(batch) : 0;
            denominator += contribution(batch);
        }
        double[] global = sumOverRanks(denominator, tokens);
        stage.train(work(step.microBatches()), lossSum);
        long computed = System.nanoTime();
        Readback norm = engine.readLater(update.apply(learningRate, global[0]));
        long updated = System.nanoTime();
        Map<String, Double> phases = new LinkedHashMap<>();
        phases.put("forward-backward", (computed - start) * 1e-9);
        phases.put("update", (updated - computed) * 1e-9);
        return new Outcome(global[0], Math.round(global[1]), norm, phases);
    }

    /** Forward alone; adds to the loss sum. @return this rank's denominator */
    public double evaluate(List<MicroBatch> batches) {
        stage.evaluate(work(batches), lossSum);
        return batches.stream().mapToDouble(this::contribution).sum();
    }

    /** All micro-batches but those with nothing to learn from: padding of a last, short global batch. */
    private List<StageRunner.Work> work(List<MicroBatch> batches) {
        List<StageRunner.Work> work = new ArrayList<>();
        for (MicroBatch batch : batches) {
            int trained = batch.trainedTokens();
            if (trained > 0 || !mayLeaveOut) {
                HostTokens tokens = HostTokens.of(batch.ids(), batch.labels(), batch.weightsOrNull(), batch.positions(), batch.documents())
                        .named(names(batch));
                work.add(new StageRunner.Work(tokens, normalisation == Normalisation.PER_TOKEN ? 1 : 1f / Math.max(1, trained)));
            }
        }
        return work;
    }

    private static TokenNames names(MicroBatch batch) {
        List<TokenNames.Run> runs = new ArrayList<>();
        int from = 0;
        for (MicroBatch.Row row : batch.rows()) {
            runs.add(new TokenNames.Run(from, row.tokens(), row.sample(), 0));
            from += row.tokens();
        }
        return new TokenNames(runs).upTo(batch.tokens());
    }

    private double contribution(MicroBatch batch) {
        if (!speaks) {
            return 0;
        }
        return normalisation == Normalisation.PER_TOKEN ? batch.trainedTokens() : 1;
    }

    private static long realTokens(MicroBatch batch) {
        return batch.rows().stream().mapToLong(MicroBatch.Row::tokens).sum();
    }

    /** Sums two numbers of the host over the ranks that count, in their order; no device is waited for. */
    double[] sumOverRanks(double first, double second) {
        if (ranks.size() == 1) {
            return new double[] {first, second};
        }
        double[] sums = new double[2];
        for (byte[] numbers : ranks.allGather(ByteBuffer.allocate(2 * Double.BYTES).putDouble(first).putDouble(second).array())) {
            sums[0] += ByteBuffer.wrap(numbers).getDouble(0);
            sums[1] += ByteBuffer.wrap(numbers).getDouble(Double.BYTES);
        }
        return sums;
    }

    /** Starts reading this rank's sum of the losses since the last call, and starts that anew. */
    public Readback takeLossSum() {
        Readback sum = engine.readLater(lossSum);
        engine.kernels().fill(lossSum, 0);
        return sum;
    }

    /** A sum of losses over all ranks. */
    public double lossOverRanks(Readback sum) {
        return sumOverRanks(sum.number(), 0)[0];
    }
}
