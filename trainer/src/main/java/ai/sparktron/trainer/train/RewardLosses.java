package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.preference.DocumentSums;
import ai.sparktron.trainer.preference.PairBatch;
import ai.sparktron.trainer.preference.RewardBatch;
import ai.sparktron.trainer.preference.RewardFigures;
import ai.sparktron.trainer.preference.RewardLoss;
import ai.sparktron.trainer.preference.RewardObjective;
import java.util.List;

/** Training of a model that gives answers rewards, on pairs of a chosen and a rejected one. The loss of a step is the mean over the pairs of the global batch. */
public final class RewardLosses extends PreferenceObjective {

    private final RewardLoss loss;
    private final DocumentSums sums;
    private final RewardFigures figures = new RewardFigures();
    private final RewardFigures unheard = new RewardFigures();

    /**
     * @param sums        over all ranks that share a micro-batch or a layer: one of them scores a document
     * @param ranks       over which pairs are counted
     * @param speaks      whether this rank counts what it works on
     * @param mayLeaveOut whether ranks may differ in the micro-batches that they leave out
     */
    public RewardLosses(RewardLoss loss, DocumentSums sums, Communicator ranks, boolean speaks, boolean mayLeaveOut) {
        super(ranks, speaks, mayLeaveOut);
        this.loss = loss;
        this.sums = sums;
    }

    @Override
    public List<StageRunner.Work> work(List<MicroBatch> batches, Pass.Mode mode) {
        return workOn(worked(batches).stream()
                .map(batch -> RewardBatch.of(new PairBatch(StepObjective.tokens(batch), StepObjective.twos(batch)))).toList());
    }

    /** As {@link #work}. */
    public List<StageRunner.Work> workOn(List<RewardBatch> batches) {
        return batches.stream().map(batch -> new StageRunner.Work(batch.tokens(), new RewardObjective(loss, sums, batch, speaks() ? figures : unheard))).toList();
    }

    @Override
    double[] takeSums() {
        return figures.take();
    }

    @Override
    Losses losses(double[] sums) {
        return new Losses(RewardFigures.byName(sums, loss), RewardFigures.pairs(sums));
    }
}
