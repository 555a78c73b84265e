package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.preference.DocumentScores;
import ai.sparktron.trainer.preference.DocumentSums;
import ai.sparktron.trainer.preference.PairBatch;
import ai.sparktron.trainer.preference.PairFigures;
import ai.sparktron.trainer.preference.PairObjective;
import ai.sparktron.trainer.preference.PreferenceLoss;
import java.util.ArrayList;
import java.util.List;

/**
 * Training on pairs of a chosen and a rejected answer. The loss of a step is the mean over the pairs of the global batch, and {@code rpo_alpha} times the mean over the
 * trained tokens of its chosen answers: how the batch is cut does not show, but in losses that are functions of a micro-batch.
 *
 * <p>The reference runs first, over all micro-batches in the stages' order and saving nothing; only a number a document stays of it, on the host.
 */
public final class PairLosses extends PreferenceObjective {

    private final PreferenceLoss loss;
    private final double alpha;
    private final StageRunner reference;
    private final DocumentSums sums;
    private final PairFigures figures = new PairFigures();
    private final PairFigures unheard = new PairFigures();

    /**
     * @param alpha       weight of the likelihood of chosen answers, 0 = none
     * @param reference   its layers on this rank; null = without a reference
     * @param ranks       over which pairs are counted
     * @param speaks      whether this rank counts what it works on
     * @param mayLeaveOut whether ranks may differ in the micro-batches that they leave out
     */
    public PairLosses(PreferenceLoss loss, double alpha, StageRunner reference, DocumentSums sums, Communicator ranks, boolean speaks, boolean mayLeaveOut) {
        super(ranks, speaks, mayLeaveOut);
        this.loss = loss;
        this.alpha = alpha;
        this.reference = reference;
        this.sums = sums;
    }

    @Override
    public List<StageRunner.Work> work(List<MicroBatch> batches, Pass.Mode mode) {
        return workOn(worked(batches).stream().map(PairLosses::pairs).toList());
    }

    /** As {@link #work}. */
    public List<StageRunner.Work> workOn(List<PairBatch> batches) {
        double likelihoodWeight = likelihoodWeight(batches);
        List<DocumentScores> scores = new ArrayList<>();
        if (reference != null) {
            List<StageRunner.Work> asked = new ArrayList<>();
            for (PairBatch batch : batches) {
                scores.add(new DocumentScores(sums, 2 * batch.pairs()));
                asked.add(new StageRunner.Work(batch.tokens(), scores.get(scores.size() - 1)));
            }
            reference.evaluate(asked, null);
        }
        List<StageRunner.Work> work = new ArrayList<>();
        for (int i = 0; i < batches.size(); i++) {
            PairBatch batch = batches.get(i);
            work.add(new StageRunner.Work(batch.tokens(), new PairObjective(loss, likelihoodWeight, sums, batch, reference == null ? null : scores.get(i),
                    speaks() ? figures : unheard)));
        }
        return work;
    }

    /** Gradients are divided by the number of pairs, the likelihood is a mean over tokens. */
    private double likelihoodWeight(List<PairBatch> batches) {
        if (alpha == 0) {
            return 0;
        }
        double[] counts = overRanks(batches.stream().mapToInt(PairBatch::pairs).sum(), batches.stream().mapToInt(PairBatch::chosenTokens).sum());
        return alpha * counts[0] / Math.max(1, counts[1]);
    }

    private static PairBatch pairs(MicroBatch batch) {
        return new PairBatch(StepObjective.tokens(batch), StepObjective.twos(batch));
    }

    @Override
    double[] takeSums() {
        return figures.take();
    }

    @Override
    Losses losses(double[] sums) {
        return new Losses(PairFigures.byName(sums, alpha), PairFigures.pairs(sums));
    }
}
