package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.layer.SequenceObjective;

/**
 * The loss of a micro-batch of pairs: the sum of the pairs' losses, and {@code likelihoodWeight} times the negative log-likelihood of the chosen answers
 * ({@code rpo_alpha}, arXiv 2404.19733).
 */
public final class PairObjective implements SequenceObjective {

    private final PreferenceLoss loss;
    private final double likelihoodWeight;
    private final DocumentSums sums;
    private final PairBatch batch;
    private final DocumentScores reference;
    private final PairFigures figures;

    /**
     * @param likelihoodWeight of each trained token of the chosen answers
     * @param reference        has been asked already; null = without a reference
     * @param figures          hears what was found
     */
    public PairObjective(PreferenceLoss loss, double likelihoodWeight, DocumentSums sums, PairBatch batch, DocumentScores reference, PairFigures figures) {
        this.loss = loss;
        this.likelihoodWeight = likelihoodWeight;
        this.sums = sums;
        this.batch = batch;
        this.reference = reference;
        this.figures = figures;
    }

    @Override
    public double weight() {
        return batch.pairs();
    }

    @Override
    public float[] derivatives(float[] logProbabilities, int[] documents, float[] weights) {
        PreferenceLoss.Scores policy = PreferenceLoss.Scores.ofDocuments(sums.of(logProbabilities, documents, weights, 2 * batch.pairs()));
        PreferenceLoss.Scores from = reference == null ? PreferenceLoss.Scores.zero(batch.pairs())
                : PreferenceLoss.Scores.ofDocuments(reference.scores());
        PreferenceLoss.Result result = loss.of(policy, from);
        figures.add(result.sum(), policy, from, loss.beta(), batch.chosenTokens());
        float[] derivatives = new float[documents.length];
        for (int i = 0; i < documents.length; i++) {
            int pair = documents[i] / 2;
            double byAnswer = documents[i] % 2 == 0 ? result.byChosen()[pair] - likelihoodWeight : result.byRejected()[pair];
            derivatives[i] = (float) (weights[i] * byAnswer);
        }
        return derivatives;
    }
}
