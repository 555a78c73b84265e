package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.layer.SequenceObjective;

/** The loss of a micro-batch of answers that are desirable or not: the sum of theirs. */
public final class LabelledObjective implements SequenceObjective {

    private final LabelledLoss loss;
    private final DocumentSums sums;
    private final LabelledBatch batch;
    private final DocumentScores reference;
    private final double divergence;
    private final LabelledFigures figures;

    /**
     * @param reference  has been asked for the answers already
     * @param divergence of the policy from it, on the whole global batch
     * @param figures    hears what was found
     */
    public LabelledObjective(LabelledLoss loss, DocumentSums sums, LabelledBatch batch, DocumentScores reference, double divergence, LabelledFigures figures) {
        this.loss = loss;
        this.sums = sums;
        this.batch = batch;
        this.reference = reference;
        this.divergence = divergence;
        this.figures = figures;
    }

    @Override
    public double weight() {
        return batch.samples();
    }

    @Override
    public float[] derivatives(float[] logProbabilities, int[] documents, float[] weights) {
        double[] policy = sums.of(logProbabilities, documents, weights, batch.samples());
        LabelledLoss.Result result = loss.of(policy, reference.scores(), batch.desirable(), divergence);
        figures.add(result.sum(), policy, reference.scores(), batch.desirable(), loss.beta(), divergence);
        float[] derivatives = new float[documents.length];
        for (int i = 0; i < documents.length; i++) {
            derivatives[i] = (float) (weights[i] * result.by()[documents[i]]);
        }
        return derivatives;
    }
}
