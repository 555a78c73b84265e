package ai.sparktron.trainer.train.metrics;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Result of one evaluation.
 *
 * @param iteration       steps done when it was made
 * @param totalIterations steps of the run
 * @param losses          by name, means over all trained tokens of the validation samples
 * @param samples         samples evaluated
 * @param tokens          trained tokens evaluated
 * @param seconds         wall time
 */
public record EvaluationMetrics(long iteration, long totalIterations, Map<String, Double> losses, long samples, long tokens, double seconds) {

    /** Megatron's bound on the exponent of a perplexity. */
    private static final double LARGEST_EXPONENT = 20;

    public EvaluationMetrics {
        losses = new LinkedHashMap<>(losses);
    }

    /** exp of a loss, the loss bounded by 20 as Megatron does. */
    public static double perplexity(double loss) {
        return Math.exp(Math.min(LARGEST_EXPONENT, loss));
    }
}
