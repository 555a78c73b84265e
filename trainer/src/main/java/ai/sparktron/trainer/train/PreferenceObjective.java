package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/** What is common to training on rows that hold their documents in twos: the loss of a step is a mean over them, added up on the host. */
abstract class PreferenceObjective implements StepObjective {

    private final Communicator ranks;
    private final boolean speaks;
    private final boolean mayLeaveOut;

    /**
     * @param ranks       over which twos are counted
     * @param speaks      whether this rank counts what it works on
     * @param mayLeaveOut whether ranks may differ in the micro-batches that they leave out
     */
    PreferenceObjective(Communicator ranks, boolean speaks, boolean mayLeaveOut) {
        this.ranks = ranks;
        this.speaks = speaks;
        this.mayLeaveOut = mayLeaveOut;
    }

    /** Sums for the figures since the last call; starts anew. */
    abstract double[] takeSums();

    /** Figures of sums over all ranks. */
    abstract Losses losses(double[] sums);

    /** Whether this rank counts what it works on. */
    final boolean speaks() {
        return speaks;
    }

    /** Numbers that this rank knows, if it speaks, added up over all ranks, which all call it. */
    final double[] overRanks(double... numbers) {
        return RankSums.of(ranks, speaks ? numbers : new double[numbers.length]);
    }

    /** The micro-batches that there is work on: all, or those with documents. */
    final List<MicroBatch> worked(List<MicroBatch> batches) {
        return batches.stream().filter(batch -> StepObjective.twos(batch) > 0 || !mayLeaveOut).toList();
    }

    @Override
    public final double divisor(List<MicroBatch> batches) {
        return speaks ? batches.stream().mapToInt(StepObjective::twos).sum() : 0;
    }

    @Override
    public final Tensor lossSum() {
        return null;
    }

    @Override
    public final Taken take() {
        double[] own = takeSums();
        return () -> losses(RankSums.of(ranks, own));
    }
}
