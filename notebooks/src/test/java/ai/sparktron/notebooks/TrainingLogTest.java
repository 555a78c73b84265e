package ai.sparktron.notebooks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.train.metrics.EvaluationMetrics;
import ai.sparktron.trainer.train.metrics.JsonLinesSink;
import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingLogTest {

    @TempDir
    Path run;

    private void step(JsonLinesSink log, long step, double loss) {
        log.step(new StepMetrics(step, 20, step * 4, Map.of("loss", loss), 1e-4 / step, 1.5, 1000, 5, 2, 1, 1 << 30, Double.NaN, Double.NaN, step, 0, 0, Map.of()));
    }

    /** A log as a run writes it. */
    private void write() throws IOException {
        try (JsonLinesSink log = new JsonLinesSink(run.resolve(TrainingLog.FILE), 0)) {
            step(log, 5, 8);
            step(log, 10, 6.5);
            log.evaluation(new EvaluationMetrics(10, 20, Map.of("loss", 7.0), 30, 900, 0.5));
            step(log, 15, 5);
        }
    }

    @Test
    void figuresAreReadByTheKeysThatARunWrites() throws IOException {
        write();
        TrainingLog log = TrainingLog.read(run);
        assertEquals(List.of(new LineChart.Point(5, 8), new LineChart.Point(10, 6.5), new LineChart.Point(15, 5)), log.curve("loss").points());
        assertEquals(List.of(new LineChart.Point(10, 7)), log.curve("eval_loss").points());
        assertTrue(log.names().containsAll(List.of("learning_rate", "grad_norm", "tokens_per_second")), log.names().toString());
        assertEquals(List.of(List.of("5", "8.0", ""), List.of("10", "6.5", "7.0"), List.of("15", "5.0", "")), log.table("loss", "eval_loss").rows());
        assertEquals(2, Markup.parse(log.curves("loss", "learning_rate").html()).elements("polyline", line -> true).size());
    }

    @Test
    void aLineThatIsBeingWrittenIsLeftOutAndADamagedOneIsNot() throws IOException {
        write();
        Path file = run.resolve(TrainingLog.FILE);
        Files.writeString(file, "{\"loss\": 4.0, \"global_st", StandardOpenOption.APPEND);
        assertEquals(3, TrainingLog.read(file).curve("loss").points().size());
        Files.writeString(file, "\n{\"loss\": 3.0, \"global_step/max_steps\": \"20/20\"}\n", StandardOpenOption.APPEND);
        String message = assertThrows(IllegalArgumentException.class, () -> TrainingLog.read(file)).getMessage();
        assertTrue(message.contains("line 5"), message);
    }

    @Test
    void whatIsMissingIsNamed() throws IOException {
        String message = assertThrows(IllegalArgumentException.class, () -> TrainingLog.read(run.resolve("none"))).getMessage();
        assertTrue(message.contains("no log"), message);
        Files.writeString(run.resolve(TrainingLog.FILE), "");
        message = assertThrows(IllegalArgumentException.class, () -> TrainingLog.read(run)).getMessage();
        assertTrue(message.contains("no report yet"), message);
        Files.delete(run.resolve(TrainingLog.FILE));
        write();
        message = assertThrows(IllegalArgumentException.class, () -> TrainingLog.read(run).curve("los")).getMessage();
        assertTrue(message.contains("no figure los") && message.contains("loss"), message);
    }
}
