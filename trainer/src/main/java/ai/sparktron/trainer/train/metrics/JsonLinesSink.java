package ai.sparktron.trainer.train.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code logging.jsonl}: one JSON object a report, with ms-swift's keys ({@code loss}, {@code grad_norm}, {@code learning_rate}, {@code global_step/max_steps},
 * {@code eval_loss} ...). A resumed run goes on in the same file; lines of steps that are done again are dropped first.
 */
public final class JsonLinesSink implements MetricsSink {

    static final String STEP_KEY = "global_step/max_steps";
    private static final int DECIMALS = 8;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;

    /**
     * @param file         made when missing
     * @param resumedAfter steps that the run resumes after; lines of later steps are dropped. 0 for a new run
     */
    public JsonLinesSink(Path file, long resumedAfter) {
        this.file = file;
        if (Files.exists(file)) {
            dropAfter(resumedAfter);
        }
    }

    private void dropAfter(long iteration) {
        try {
            List<String> kept = new ArrayList<>();
            for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
                if (!line.isBlank() && iterationOf(line) <= iteration) {
                    kept.add(line);
                }
            }
            Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
            Files.write(temporary, kept, StandardCharsets.UTF_8);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot continue the log " + file, e);
        }
    }

    /** A line that a crash cut short belongs to no step and is dropped. */
    private static long iterationOf(String line) {
        try {
            JsonNode step = JSON.readTree(line).path(STEP_KEY);
            return step.isTextual() ? Long.parseLong(step.asText().split("/")[0]) : Long.MAX_VALUE;
        } catch (IOException | NumberFormatException damaged) {
            return Long.MAX_VALUE;
        }
    }

    @Override
    public void step(StepMetrics metrics) {
        ObjectNode line = JSON.createObjectNode();
        metrics.losses().forEach((name, value) -> line.put(name, rounded(value)));
        if (Double.isFinite(metrics.gradientNorm())) { // Not of a step that overflowed float16 and was skipped.
            line.put("grad_norm", rounded(metrics.gradientNorm()));
        }
        line.put("learning_rate", metrics.learningRate());
        line.put("elapsed_time_per_iteration", rounded(metrics.secondsPerStep()));
        line.put("tokens_per_second", rounded(metrics.tokensPerSecond()));
        line.put("tokens_per_second_per_gpu", rounded(metrics.tokensPerSecondPerDevice()));
        if (!Double.isNaN(metrics.modelFlopsUtilisation())) {
            line.put("mfu", rounded(metrics.modelFlopsUtilisation()));
        }
        if (metrics.bubble() > 0) {
            line.put("pipeline_bubble", rounded(metrics.bubble()));
        }
        line.put("memory(GiB)", rounded(metrics.memoryBytes() / (double) (1L << 30)));
        line.put("skipped_iterations", metrics.skipped());
        line.put("consumed_samples", metrics.consumedSamples());
        line.put("elapsed_time", Figures.duration(metrics.elapsedSeconds()));
        line.put("remaining_time", Figures.duration(metrics.remainingSeconds()));
        metrics.phases().forEach((name, value) -> line.put(name + "-time", rounded(value)));
        line.put(STEP_KEY, metrics.iteration() + "/" + metrics.totalIterations());
        append(line);
    }

    @Override
    public void evaluation(EvaluationMetrics metrics) {
        ObjectNode line = JSON.createObjectNode();
        for (Map.Entry<String, Double> loss : metrics.losses().entrySet()) {
            line.put("eval_" + loss.getKey(), rounded(loss.getValue()));
        }
        line.put("eval_samples", metrics.samples());
        line.put("eval_runtime", rounded(metrics.seconds()));
        line.put(STEP_KEY, metrics.iteration() + "/" + metrics.totalIterations());
        append(line);
    }

    private static double rounded(double value) {
        return Double.isFinite(value) ? BigDecimal.valueOf(value).setScale(DECIMALS, RoundingMode.HALF_EVEN).doubleValue() : value;
    }

    private void append(ObjectNode line) {
        try {
            Files.writeString(file, JSON.writeValueAsString(line) + "\n", StandardCharsets.UTF_8, StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the log " + file + "; check that the disk has room", e);
        }
    }

    @Override
    public void close() {
        // Every line is written when it comes; nothing is held.
    }
}
