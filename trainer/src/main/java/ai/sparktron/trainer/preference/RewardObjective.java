package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.layer.SequenceObjective;

/** The loss of the rewards of a micro-batch of pairs: the sum of theirs. */
public final class RewardObjective implements SequenceObjective {

    private final RewardLoss loss;
    private final DocumentSums sums;
    private final RewardBatch batch;
    private final RewardFigures figures;

    /** @param figures hears what was found */
    public RewardObjective(RewardLoss loss, DocumentSums sums, RewardBatch batch, RewardFigures figures) {
        this.loss = loss;
        this.sums = sums;
        this.batch = batch;
        this.figures = figures;
    }

    @Override
    public double weight() {
        return batch.pairs();
    }

    /** @param scores rewards of the answers whose last token is here */
    @Override
    public float[] derivatives(float[] scores, int[] documents, float[] weights) {
        double[] rewards = sums.of(scores, documents, weights, 2 * batch.pairs());
        RewardLoss.Result result = loss.of(rewards, batch.margins());
        figures.add(result, rewards);
        float[] derivatives = new float[documents.length];
        for (int i = 0; i < documents.length; i++) {
            derivatives[i] = (float) result.by()[documents[i]];
        }
        return derivatives;
    }
}
