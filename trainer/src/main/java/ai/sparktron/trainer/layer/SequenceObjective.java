package ai.sparktron.trainer.layer;

/**
 * A loss that is no weighted sum over tokens, such as one of sums over documents. Where the head gives one number of a token, that is what is meant by log-probabilities
 * here. The head asks it once a pass, on every rank that holds tokens of the micro-batch, also
 * on one whose tokens are not trained: ranks that share a micro-batch may meet in it.
 */
@FunctionalInterface
public interface SequenceObjective {

    /**
     * Takes the log-probabilities of this rank's trained tokens.
     *
     * @param logProbabilities [N] natural logarithm of each label's probability
     * @param documents        [N] document of each token in the whole micro-batch
     * @param weights          [N] weight of each token
     * @return [N] derivative of the loss by each log-probability; not looked at in passes without backward
     */
    float[] derivatives(float[] logProbabilities, int[] documents, float[] weights);

    /** How much of a step's divisor the micro-batch is: what is added to its loss as a whole is multiplied by it. */
    default double weight() {
        return 1;
    }
}
