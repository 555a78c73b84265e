package ai.sparktron.trainer.preference;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Losses of pairs, {@code loss_type}. Letters: a and b are log-ratios to the reference of the chosen and the rejected answer, x their margin, beta and s the options
 * {@code beta} and {@code label_smoothing}.
 */
public enum LossType {
    /** -(1-s) log sig(beta x) - s log sig(-beta x), arXiv 2305.18290. */
    SIGMOID(Of.MARGIN, Smoothing.USED) {
        @Override
        Slope ofMargin(double x, double beta, double s) {
            double z = beta * x;
            return new Slope(-(1 - s) * Scalars.logSigmoid(z) - s * Scalars.logSigmoid(-z), beta * (-(1 - s) * Scalars.sigmoid(-z) + s * Scalars.sigmoid(z)));
        }
    },
    /** Unbiased under a share s of wrong labels, arXiv 2403.00409. */
    ROBUST(Of.MARGIN, Smoothing.USED) {
        @Override
        Slope ofMargin(double x, double beta, double s) {
            double z = beta * x;
            return new Slope((-(1 - s) * Scalars.logSigmoid(z) + s * Scalars.logSigmoid(-z)) / (1 - 2 * s),
                    beta * (-(1 - s) * Scalars.sigmoid(-z) - s * Scalars.sigmoid(z)) / (1 - 2 * s));
        }
    },
    /** max(0, 1 - beta x), arXiv 2305.10425. */
    HINGE(Of.MARGIN, Smoothing.UNUSED) {
        @Override
        Slope ofMargin(double x, double beta, double s) {
            return beta * x < 1 ? new Slope(1 - beta * x, -beta) : new Slope(0, 0);
        }
    },
    /** (x - 1/(2 beta))^2 of summed log-probabilities, arXiv 2310.12036. */
    IPO(Of.MARGIN, Smoothing.UNUSED) {
        @Override
        Slope ofMargin(double x, double beta, double s) {
            double distance = x - 1 / (2 * beta);
            return new Slope(distance * distance, 2 * distance);
        }
    },
    /** Exact optimisation with the reverse divergence, arXiv 2402.00856; s = 0 counts as 1e-3. */
    EXO_PAIR(Of.MARGIN, Smoothing.USED) {
        @Override
        Slope ofMargin(double x, double beta, double s) {
            double share = s == 0 ? 1e-3 : s;
            double z = beta * x;
            double right = Scalars.logSigmoid(z) - Math.log1p(-share);
            double wrong = Scalars.logSigmoid(-z) - Math.log(share);
            return new Slope(Scalars.sigmoid(z) * right + Scalars.sigmoid(-z) * wrong, beta * Scalars.sigmoidSlope(z) * (right - wrong));
        }
    },
    /** -log sig(beta a) - 0.5 log sig(-beta a) - 0.5 log sig(-beta b), arXiv 2402.05369. */
    NCA_PAIR(Of.RATIOS, Smoothing.UNUSED) {
        @Override
        Slopes ofRatios(double a, double b, double beta) {
            return new Slopes(-Scalars.logSigmoid(beta * a) - 0.5 * Scalars.logSigmoid(-beta * a) - 0.5 * Scalars.logSigmoid(-beta * b),
                    beta * (-Scalars.sigmoid(-beta * a) + 0.5 * Scalars.sigmoid(beta * a)), 0.5 * beta * Scalars.sigmoid(beta * b));
        }
    },
    /** (a - 1/(2 beta))^2 + (b + 1/(2 beta))^2, arXiv 2405.00675. */
    SPPO_HARD(Of.RATIOS, Smoothing.UNUSED) {
        @Override
        Slopes ofRatios(double a, double b, double beta) {
            double chosen = a - 0.5 / beta;
            double rejected = b + 0.5 / beta;
            return new Slopes(chosen * chosen + rejected * rejected, 2 * chosen, 2 * rejected);
        }
    },
    /** 1 - sig(beta a) + sig(beta b): chosen answers become likelier, arXiv 2408.06266. */
    APO_ZERO(Of.RATIOS, Smoothing.UNUSED) {
        @Override
        Slopes ofRatios(double a, double b, double beta) {
            return new Slopes(1 - Scalars.sigmoid(beta * a) + Scalars.sigmoid(beta * b), -beta * Scalars.sigmoidSlope(beta * a), beta * Scalars.sigmoidSlope(beta * b));
        }
    },
    /** sig(beta a) + 1 - sig(beta (a - b)): both answers become less likely, the rejected one more so, arXiv 2408.06266. */
    APO_DOWN(Of.RATIOS, Smoothing.UNUSED) {
        @Override
        Slopes ofRatios(double a, double b, double beta) {
            double apart = beta * Scalars.sigmoidSlope(beta * (a - b));
            return new Slopes(Scalars.sigmoid(beta * a) + 1 - Scalars.sigmoid(beta * (a - b)), beta * Scalars.sigmoidSlope(beta * a) - apart, apart);
        }
    },
    /** {@link #SIGMOID} of the sorted a less the sorted b of a micro-batch, arXiv 2406.05882. */
    AOT_PAIR(Of.MICRO_BATCH, Smoothing.USED) {
        @Override
        double ofMicroBatch(Ratios pairs, double beta, double s, double[] byChosen, double[] byRejected) {
            int[] chosen = order(pairs.a());
            int[] rejected = order(pairs.b());
            double sum = 0;
            for (int place = 0; place < chosen.length; place++) {
                Slope slope = SIGMOID.ofMargin(pairs.a()[chosen[place]] - pairs.b()[rejected[place]], beta, s);
                sum += slope.value();
                byChosen[chosen[place]] += slope.by();
                byRejected[rejected[place]] -= slope.by();
            }
            return sum;
        }
    },
    /** {@link #SIGMOID} of the sorted margins of the policy less the sorted margins of the reference, arXiv 2406.05882. */
    AOT(Of.MICRO_BATCH, Smoothing.USED) {
        @Override
        double ofMicroBatch(Ratios pairs, double beta, double s, double[] byChosen, double[] byRejected) {
            int[] policy = order(pairs.policyMargins());
            int[] reference = order(pairs.referenceMargins());
            double sum = 0;
            for (int place = 0; place < policy.length; place++) {
                Slope slope = SIGMOID.ofMargin(pairs.policyMargins()[policy[place]] - pairs.referenceMargins()[reference[place]], beta, s);
                sum += slope.value();
                byChosen[policy[place]] += slope.by();
                byRejected[policy[place]] -= slope.by();
            }
            return sum;
        }
    };

    /** What a loss is a function of. */
    enum Of {
        /** The margin of one pair, as a divergence makes it. */
        MARGIN,
        /** Both log-ratios of one pair. */
        RATIOS,
        /** All pairs of a micro-batch. */
        MICRO_BATCH
    }

    private enum Smoothing { USED, UNUSED }

    /** A value and its derivative by x. */
    record Slope(double value, double by) {
    }

    /** A value and its derivatives by a and b. */
    record Slopes(double value, double byChosen, double byRejected) {
    }

    /** The pairs of a micro-batch: log-ratios, and log-probabilities of the chosen less the rejected answer. */
    record Ratios(double[] a, double[] b, double[] policyMargins, double[] referenceMargins) {
    }

    private final Of of;
    private final Smoothing smoothing;

    LossType(Of of, Smoothing smoothing) {
        this.of = of;
        this.smoothing = smoothing;
    }

    Of of() {
        return of;
    }

    /** Whether {@code label_smoothing} means anything. */
    public boolean usesSmoothing() {
        return smoothing == Smoothing.USED;
    }

    /** Whether {@code f_divergence_type} means anything. */
    public boolean usesDivergence() {
        return of == Of.MARGIN;
    }

    Slope ofMargin(double x, double beta, double s) {
        throw new IllegalStateException(this + " is no function of the margin alone");
    }

    Slopes ofRatios(double a, double b, double beta) {
        throw new IllegalStateException(this + " is no function of one pair's log-ratios");
    }

    /** Sum over the pairs; adds the derivatives by each a and b. */
    double ofMicroBatch(Ratios pairs, double beta, double s, double[] byChosen, double[] byRejected) {
        throw new IllegalStateException(this + " is no function of a micro-batch");
    }

    private static int[] order(double[] values) {
        return IntStream.range(0, values.length).boxed().sorted(Comparator.comparingDouble(i -> values[i])).mapToInt(Integer::intValue).toArray();
    }
}
