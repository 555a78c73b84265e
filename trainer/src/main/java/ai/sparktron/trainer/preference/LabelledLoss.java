package ai.sparktron.trainer.preference;

import java.util.Locale;

/**
 * The loss of single answers that are desirable or not, and its derivatives. Pure arithmetic in float64. With r the log-ratio of policy and reference of an answer and z the
 * mean of that of answers to other prompts, or 0 if that is below 0:
 *
 * @param type              which of them
 * @param beta              how far the policy may leave the reference: the smaller, the farther
 * @param desirableWeight   factor on losses of desirable answers
 * @param undesirableWeight factor on losses of the others
 */
public record LabelledLoss(Type type, double beta, double desirableWeight, double undesirableWeight) {

    /** Kinds of it. */
    public enum Type {
        /** 1 - sig(beta (r - z)) of a desirable answer, 1 - sig(beta (z - r)) of another: arXiv 2402.01306. */
        KTO,
        /** 1 - sig(beta r) of a desirable answer, sig(beta r) of another: arXiv 2408.06266. */
        APO_ZERO_UNPAIRED;

        /** By its name as an option. */
        public static Type of(String name) {
            return valueOf(name.toUpperCase(Locale.ROOT));
        }
    }

    public LabelledLoss {
        if (!(beta > 0) || !(desirableWeight >= 0) || !(undesirableWeight >= 0)) {
            throw new IllegalArgumentException("beta " + beta + ", desirable weight " + desirableWeight + ", undesirable weight " + undesirableWeight
                    + ": expected a beta above 0 and weights of at least 0");
        }
    }

    /**
     * What was found.
     *
     * @param sum of the losses of the answers
     * @param by  derivative of the sum by the log-probability of each answer
     */
    public record Result(double sum, double[] by) {
    }

    /**
     * Computes the loss.
     *
     * @param policy     log-probabilities of the answers
     * @param reference  those of the same answers
     * @param desirable  whether each is
     * @param divergence z, a constant to the derivatives; not looked at by losses without it
     */
    public Result of(double[] policy, double[] reference, boolean[] desirable, double divergence) {
        double from = type == Type.KTO ? divergence : 0;
        double sum = 0;
        double[] by = new double[policy.length];
        for (int i = 0; i < policy.length; i++) {
            double weight = desirable[i] ? desirableWeight : undesirableWeight;
            double sign = desirable[i] ? 1 : -1;
            double z = beta * sign * (policy[i] - reference[i] - from);
            sum += weight * Scalars.sigmoid(-z);
            by[i] = -weight * beta * sign * Scalars.sigmoidSlope(z);
        }
        return new Result(sum, by);
    }
}
