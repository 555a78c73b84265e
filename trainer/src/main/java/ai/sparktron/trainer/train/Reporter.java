package ai.sparktron.trainer.train;

import ai.sparktron.trainer.train.metrics.EvaluationMetrics;
import ai.sparktron.trainer.train.metrics.MetricsSink;
import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Gathers the steps between two reports and hands the figures to the sinks. */
final class Reporter implements AutoCloseable {

    /**
     * What does not change during a run.
     *
     * @param totalIterations steps of the run
     * @param devices         ranks
     * @param flopsPerToken   of the model
     * @param peakFlops       of one device, NaN when unknown
     * @param bubble          part of the pipeline's time without work
     */
    record Frame(long totalIterations, int devices, double flopsPerToken, double peakFlops, double bubble) {
    }

    private final Frame frame;
    private final List<MetricsSink> sinks;
    private final double elapsedBefore;
    private final long began = System.nanoTime();
    private final Map<String, Double> phases = new LinkedHashMap<>();
    private long windowBegan = System.nanoTime();
    private long steps;
    private long tokens;
    private long allTokens;

    /** @param elapsedBefore seconds of training in earlier attempts of the run */
    Reporter(Frame frame, List<MetricsSink> sinks, double elapsedBefore) {
        this.frame = frame;
        this.sinks = List.copyOf(sinks);
        this.elapsedBefore = elapsedBefore;
    }

    void add(StepRunner.Outcome outcome, double dataSeconds) {
        steps++;
        tokens += outcome.tokens();
        allTokens += outcome.tokens();
        phases.merge("data", dataSeconds, Double::sum);
        outcome.phases().forEach((phase, seconds) -> phases.merge(phase, seconds, Double::sum));
    }

    /** Tokens of this attempt. */
    long allTokens() {
        return allTokens;
    }

    double elapsedSeconds() {
        return elapsedBefore + (System.nanoTime() - began) * 1e-9;
    }

    /** Time that belongs to no step (evaluation, saving) is left out of the next report's speed. */
    void exclude(long nanos) {
        windowBegan += nanos;
    }

    /**
     * The steps since the last call; the next ones begin. Figures that a device still works on are added by {@link #report}.
     *
     * @param phases seconds of a step by phase
     */
    record Window(long steps, long tokens, double seconds, double elapsedSeconds, Map<String, Double> phases) {
    }

    Window takeWindow() {
        Map<String, Double> perStep = new LinkedHashMap<>();
        phases.forEach((phase, total) -> perStep.put(phase, total / steps));
        Window window = new Window(steps, tokens, (System.nanoTime() - windowBegan) * 1e-9, elapsedSeconds(), perStep);
        steps = 0;
        tokens = 0;
        phases.clear();
        windowBegan = System.nanoTime();
        return window;
    }

    /** @param routers what experts were used for; null in models without any */
    StepMetrics report(Window window, long iteration, long consumedSamples, Map<String, Double> objective, RouterWatch.Report routers, double learningRate,
                       double gradientNorm, long memoryBytes, long skipped) {
        Map<String, Double> losses = new LinkedHashMap<>(objective);
        if (routers != null) {
            losses.putAll(routers.figures());
        }
        StepMetrics metrics = new StepMetrics(iteration, frame.totalIterations(), consumedSamples,
                losses, learningRate, gradientNorm, window.tokens(), window.steps(), window.seconds(),
                frame.devices(), memoryBytes, frame.flopsPerToken(), frame.peakFlops(), window.elapsedSeconds(), skipped, frame.bubble(), window.phases());
        sinks.forEach(sink -> sink.step(metrics));
        if (routers != null) {
            sinks.forEach(sink -> sink.experts(routers.expertTokens(iteration)));
        }
        return metrics;
    }

    void evaluation(EvaluationMetrics metrics) {
        sinks.forEach(sink -> sink.evaluation(metrics));
    }

    @Override
    public void close() {
        sinks.forEach(MetricsSink::close);
    }
}
