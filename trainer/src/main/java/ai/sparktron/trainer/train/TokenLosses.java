package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.model.Prediction;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Next-token training. The loss of a step is the sum over trained tokens divided by their number in the global batch ({@code calculate_per_token_loss}), or the mean over
 * micro-batches of each one's mean.
 */
final class TokenLosses implements StepObjective {

    /** How losses of tokens become the loss of a step. */
    enum Normalisation {
        /** Sum over the global batch by its number of trained tokens; does not depend on how the batch was cut. */
        PER_TOKEN,
        /** Mean of micro-batch means. */
        PER_MICRO_BATCH
    }

    private final Engine engine;
    private final Normalisation normalisation;
    private final Prediction prediction;
    private final Communicator ranks;
    private final boolean speaks;
    private final boolean mayLeaveOut;
    private final Tensor lossSum;
    private double count;

    /**
     * @param prediction  of tokens further on, whose losses are figures of their own
     * @param ranks       over which losses and tokens are counted
     * @param speaks      whether this rank counts what it works on
     * @param mayLeaveOut whether ranks may differ in the micro-batches that they leave out
     * @param run         gives the sum of losses
     */
    TokenLosses(Engine engine, Normalisation normalisation, Prediction prediction, Communicator ranks, boolean speaks, boolean mayLeaveOut, Arena.Frame run) {
        this.engine = engine;
        this.normalisation = normalisation;
        this.ranks = ranks;
        this.speaks = speaks;
        this.mayLeaveOut = mayLeaveOut;
        this.prediction = prediction;
        this.lossSum = run.tensor("loss sum", DType.F32, 1 + prediction.layers());
        engine.kernels().fill(lossSum, 0);
    }

    /** All micro-batches but those with nothing to learn from: padding of a last, short global batch. */
    @Override
    public List<StageRunner.Work> work(List<MicroBatch> batches, Pass.Mode mode) {
        count += divisor(batches);
        List<StageRunner.Work> work = new ArrayList<>();
        for (MicroBatch batch : batches) {
            int trained = batch.trainedTokens();
            if (trained > 0 || !mayLeaveOut) {
                work.add(new StageRunner.Work(StepObjective.tokens(batch), normalisation == Normalisation.PER_TOKEN ? 1 : 1f / Math.max(1, trained)));
            }
        }
        return work;
    }

    @Override
    public double divisor(List<MicroBatch> batches) {
        return !speaks ? 0 : normalisation == Normalisation.PER_TOKEN ? batches.stream().mapToInt(MicroBatch::trainedTokens).sum() : batches.size();
    }

    @Override
    public Tensor lossSum() {
        return lossSum;
    }

    @Override
    public Taken take() {
        Readback sums = engine.readLater(lossSum);
        engine.kernels().fill(lossSum, 0);
        double counted = count;
        count = 0;
        return () -> {
            double[] own = new double[prediction.layers() + 2];
            Arrays.setAll(own, i -> i <= prediction.layers() ? sums.await().getFloat(i * Float.BYTES) : counted);
            return losses(RankSums.of(ranks, own));
        };
    }

    /** @param sums of the loss, of those of layers that predict further tokens, and what both are means over */
    private Losses losses(double[] sums) {
        double of = sums[prediction.layers() + 1];
        Map<String, Double> means = new LinkedHashMap<>(Map.of("loss", sums[0] / Math.max(1, of)));
        // They learn in training alone, and are not run in evaluation.
        for (int k = 1; k <= prediction.layers() && sums[k] != 0; k++) {
            means.put("mtp_" + k + "_loss", sums[k] / prediction.ofLayer() / Math.max(1, of));
        }
        return new Losses(means, of);
    }
}
