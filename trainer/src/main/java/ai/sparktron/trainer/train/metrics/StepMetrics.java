package ai.sparktron.trainer.train.metrics;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Figures of one optimizer step, or of the steps since the last report.
 *
 * @param iteration       number of this step, from 1
 * @param totalIterations steps of the run
 * @param consumedSamples samples taken so far
 * @param losses          by name ({@code loss}, {@code load_balancing_loss} ...), means over trained tokens
 * @param learningRate    rate this step was made with
 * @param gradientNorm    global L2 norm before clipping
 * @param tokens          tokens of the steps reported on, over all ranks, padding left out
 * @param steps           number of steps reported on
 * @param seconds         wall time of those steps
 * @param devices         number of ranks
 * @param memoryBytes     largest memory of a rank's arenas
 * @param flopsPerToken   model FLOPs per token, forward and backward, NaN when unknown
 * @param peakFlops       peak rate of one device, NaN when unknown
 * @param elapsedSeconds  since the run (not the attempt) began training
 * @param skipped         steps skipped so far because of overflow
 * @param bubble          part of all stages' time, 0 to 1, that the pipeline's schedule leaves without work; 0 without a pipeline
 * @param phases          seconds by phase of a step ({@code forward-backward}, {@code grad-reduce}, {@code optimizer}, {@code data})
 */
public record StepMetrics(long iteration, long totalIterations, long consumedSamples, Map<String, Double> losses, double learningRate,
                          double gradientNorm, long tokens, long steps, double seconds, int devices, long memoryBytes, double flopsPerToken,
                          double peakFlops, double elapsedSeconds, long skipped, double bubble, Map<String, Double> phases) {

    public StepMetrics {
        losses = new LinkedHashMap<>(losses);
        phases = new LinkedHashMap<>(phases);
    }

    /** Tokens per second over all devices. */
    public double tokensPerSecond() {
        return tokens / seconds;
    }

    /** Tokens per second of one device. */
    public double tokensPerSecondPerDevice() {
        return tokensPerSecond() / devices;
    }

    /** Seconds of one step. */
    public double secondsPerStep() {
        return seconds / Math.max(1, steps);
    }

    /** Model FLOPs utilisation, 0 to 1; NaN where the device's peak is not known. */
    public double modelFlopsUtilisation() {
        return tokensPerSecondPerDevice() * flopsPerToken / peakFlops;
    }

    /** Seconds left at the present speed. */
    public double remainingSeconds() {
        return secondsPerStep() * (totalIterations - iteration);
    }
}
