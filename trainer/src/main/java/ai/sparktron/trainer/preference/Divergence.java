package ai.sparktron.trainer.preference;

/**
 * How the distance from the reference makes a margin x of a and b, the log-ratios of the chosen and the rejected answer (arXiv 2309.16240), {@code f_divergence_type}.
 */
public enum Divergence {
    REVERSE_KL {
        @Override
        Margin margin(double a, double b) {
            return new Margin(a - b, 1, -1);
        }
    },
    JS_DIVERGENCE {
        @Override
        Margin margin(double a, double b) {
            return new Margin(a - b - (Scalars.softplus(a) - Scalars.softplus(b)), Scalars.sigmoid(-a), -Scalars.sigmoid(-b));
        }
    },
    /** With coefficient 1. */
    ALPHA_DIVERGENCE {
        @Override
        Margin margin(double a, double b) {
            return new Margin(cappedExponential(-b) - cappedExponential(-a), slope(-a), -slope(-b));
        }
    };

    /** e to this is the largest float32 number, about. */
    private static final double LARGEST_EXPONENT = Math.log(Float.MAX_VALUE);

    /**
     * A margin and its derivatives.
     *
     * @param value   x
     * @param byChosen dx/da
     * @param byRejected dx/db
     */
    record Margin(double value, double byChosen, double byRejected) {
    }

    abstract Margin margin(double a, double b);

    private static double cappedExponential(double z) {
        return Math.exp(Math.min(z, LARGEST_EXPONENT));
    }

    private static double slope(double z) {
        return z < LARGEST_EXPONENT ? Math.exp(z) : 0;
    }
}
