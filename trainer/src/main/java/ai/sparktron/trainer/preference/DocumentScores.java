package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.layer.SequenceObjective;

/** Keeps the log-probabilities of a micro-batch's documents: what a reference is asked for. */
public final class DocumentScores implements SequenceObjective {

    private final DocumentSums sums;
    private final int documents;
    private double[] scores;

    /** @param documents of the micro-batch, padding left out */
    public DocumentScores(DocumentSums sums, int documents) {
        this.sums = sums;
        this.documents = documents;
        this.scores = new double[documents];
    }

    @Override
    public float[] derivatives(float[] logProbabilities, int[] documentOfEach, float[] weights) {
        scores = sums.of(logProbabilities, documentOfEach, weights, documents);
        return new float[logProbabilities.length];
    }

    /** Zeros before it was asked, and on ranks without a head, which are never asked. */
    public double[] scores() {
        return scores.clone();
    }
}
