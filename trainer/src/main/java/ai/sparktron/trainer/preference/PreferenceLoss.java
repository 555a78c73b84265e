package ai.sparktron.trainer.preference;

import java.util.List;

/**
 * The loss of the pairs of a micro-batch and its derivatives: the sum of the losses of some types. Pure arithmetic in float64.
 *
 * @param types          summed
 * @param beta           how far the policy may leave the reference: the smaller, the farther
 * @param labelSmoothing share of pairs taken to be the wrong way round
 * @param divergence     makes margins
 */
public record PreferenceLoss(List<LossType> types, double beta, double labelSmoothing, Divergence divergence) {

    public PreferenceLoss {
        types = List.copyOf(types);
        if (types.isEmpty() || !(beta > 0) || !(labelSmoothing >= 0 && labelSmoothing < 0.5)) {
            throw new IllegalArgumentException("loss types " + types + ", beta " + beta + ", label smoothing " + labelSmoothing
                    + ": expected a type, a beta above 0, and smoothing of at least 0 and below 0.5");
        }
    }

    /**
     * Log-probabilities of the answers of some pairs, [P] each.
     *
     * @param chosen   of the answers that were preferred
     * @param rejected of the others
     */
    public record Scores(double[] chosen, double[] rejected) {

        public Scores {
            if (chosen.length != rejected.length) {
                throw new IllegalArgumentException(chosen.length + " chosen answers and " + rejected.length + " rejected ones: expected as many");
            }
        }

        /** Chosen answers are the even documents, rejected ones the odd. */
        static Scores ofDocuments(double[] scores) {
            Scores split = zero(scores.length / 2);
            for (int pair = 0; pair < split.pairs(); pair++) {
                split.chosen[pair] = scores[2 * pair];
                split.rejected[pair] = scores[2 * pair + 1];
            }
            return split;
        }

        /** What is measured from where there is no reference. */
        public static Scores zero(int pairs) {
            return new Scores(new double[pairs], new double[pairs]);
        }

        public int pairs() {
            return chosen.length;
        }
    }

    /**
     * What was found.
     *
     * @param sum        of the losses of the pairs
     * @param byChosen   derivative of the sum by the log-probability of each chosen answer
     * @param byRejected likewise of each rejected one
     */
    public record Result(double sum, double[] byChosen, double[] byRejected) {
    }

    /** Computes the loss. @param reference of the same pairs */
    public Result of(Scores policy, Scores reference) {
        int pairs = policy.pairs();
        double[] a = difference(policy.chosen(), reference.chosen());
        double[] b = difference(policy.rejected(), reference.rejected());
        double[] byChosen = new double[pairs];
        double[] byRejected = new double[pairs];
        double sum = 0;
        for (LossType type : types) {
            sum += switch (type.of()) {
                case MARGIN -> ofMargins(type, a, b, byChosen, byRejected);
                case RATIOS -> ofRatios(type, a, b, byChosen, byRejected);
                case MICRO_BATCH -> type.ofMicroBatch(new LossType.Ratios(a, b, difference(policy.chosen(), policy.rejected()),
                        difference(reference.chosen(), reference.rejected())), beta, labelSmoothing, byChosen, byRejected);
            };
        }
        return new Result(sum, byChosen, byRejected);
    }

    private double ofMargins(LossType type, double[] a, double[] b, double[] byChosen, double[] byRejected) {
        double sum = 0;
        for (int pair = 0; pair < a.length; pair++) {
            Divergence.Margin margin = divergence.margin(a[pair], b[pair]);
            LossType.Slope slope = type.ofMargin(margin.value(), beta, labelSmoothing);
            sum += slope.value();
            byChosen[pair] += slope.by() * margin.byChosen();
            byRejected[pair] += slope.by() * margin.byRejected();
        }
        return sum;
    }

    private double ofRatios(LossType type, double[] a, double[] b, double[] byChosen, double[] byRejected) {
        double sum = 0;
        for (int pair = 0; pair < a.length; pair++) {
            LossType.Slopes slopes = type.ofRatios(a[pair], b[pair], beta);
            sum += slopes.value();
            byChosen[pair] += slopes.byChosen();
            byRejected[pair] += slopes.byRejected();
        }
        return sum;
    }

    private static double[] difference(double[] values, double[] others) {
        double[] differences = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            differences[i] = values[i] - others[i];
        }
        return differences;
    }
}
