package ai.sparktron.trainer.train.metrics;

import java.util.Map;
import java.util.StringJoiner;
import java.util.function.Consumer;

/** One line a report: progress, losses, rate, norm, speed, memory, time left. */
public final class ConsoleSink implements MetricsSink {

    private final Consumer<String> lines;

    /** @param lines takes each line, without a line end */
    public ConsoleSink(Consumer<String> lines) {
        this.lines = lines;
    }

    @Override
    public void step(StepMetrics metrics) {
        StringJoiner line = new StringJoiner(" | ");
        line.add("step " + metrics.iteration() + "/" + metrics.totalIterations());
        for (Map.Entry<String, Double> loss : metrics.losses().entrySet()) {
            line.add(loss.getKey() + " " + Figures.number(loss.getValue()));
        }
        line.add("lr " + Figures.number(metrics.learningRate()));
        line.add("grad norm " + Figures.number(metrics.gradientNorm()));
        line.add(Figures.count(metrics.tokensPerSecond()) + " tokens/s"
                + (metrics.devices() > 1 ? " (" + Figures.count(metrics.tokensPerSecondPerDevice()) + " per rank)" : ""));
        double utilisation = metrics.modelFlopsUtilisation();
        if (!Double.isNaN(utilisation)) {
            line.add("MFU " + Figures.percent(utilisation));
        }
        if (metrics.bubble() > 0) {
            line.add("bubble " + Figures.percent(metrics.bubble()));
        }
        line.add(Figures.bytes(metrics.memoryBytes()));
        line.add(String.format(java.util.Locale.ROOT, "%.3f s/step", metrics.secondsPerStep()));
        if (metrics.skipped() > 0) {
            line.add(metrics.skipped() + " skipped");
        }
        line.add("left " + Figures.duration(metrics.remainingSeconds()));
        lines.accept(line.toString());
    }

    @Override
    public void evaluation(EvaluationMetrics metrics) {
        StringJoiner line = new StringJoiner(" | ");
        line.add("evaluation at step " + metrics.iteration() + "/" + metrics.totalIterations());
        for (Map.Entry<String, Double> loss : metrics.losses().entrySet()) {
            line.add(loss.getKey() + " " + Figures.number(loss.getValue()));
        }
        Double loss = metrics.losses().get("loss");
        if (loss != null) {
            line.add("perplexity " + Figures.number(EvaluationMetrics.perplexity(loss)));
        }
        line.add(metrics.samples() + " samples");
        line.add(Figures.duration(metrics.seconds()));
        lines.accept(line.toString());
    }

    @Override
    public void close() {
        // Lines are handed on at once; nothing is held.
    }
}
