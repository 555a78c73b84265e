package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.layer.SequenceObjective;

/** Keeps the log-probabilities of a micro-batch's answers: what a reference is asked for. */
public final class PairScores implements SequenceObjective {

    private final DocumentSums sums;
    private final int pairs;
    private PreferenceLoss.Scores scores;

    public PairScores(DocumentSums sums, int pairs) {
        this.sums = sums;
        this.pairs = pairs;
        this.scores = PreferenceLoss.Scores.zero(pairs);
    }

    @Override
    public float[] derivatives(float[] logProbabilities, int[] documents, float[] weights) {
        scores = split(sums.of(logProbabilities, documents, weights, 2 * pairs));
        return new float[logProbabilities.length];
    }

    /** Chosen answers are the even documents, rejected ones the odd. */
    static PreferenceLoss.Scores split(double[] ofDocuments) {
        PreferenceLoss.Scores scores = PreferenceLoss.Scores.zero(ofDocuments.length / 2);
        for (int pair = 0; pair < scores.pairs(); pair++) {
            scores.chosen()[pair] = ofDocuments[2 * pair];
            scores.rejected()[pair] = ofDocuments[2 * pair + 1];
        }
        return scores;
    }

    /** Zeros before it was asked, and on ranks without a head, which are never asked. */
    PreferenceLoss.Scores scores() {
        return scores;
    }
}
