package ai.sparktron.notebooks;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The figures of a run, read from its {@code logging.jsonl}; read it again to see how a run that is still going on has come along.
 *
 * <pre>{@code
 * TrainingLog log = TrainingLog.read(Path.of("output/v0-20260101-120000"));
 * print(log.curves("loss", "learning_rate").zeppelin());
 * }</pre>
 */
public final class TrainingLog {

    /** Name of the file in a run's directory. */
    public static final String FILE = "logging.jsonl";

    private static final String STEP = "global_step/max_steps";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final Map<String, List<LineChart.Point>> curves;

    private TrainingLog(Path file, Map<String, List<LineChart.Point>> curves) {
        this.file = file;
        this.curves = curves;
    }

    /**
     * Reads a log. A last line that is being written is left out.
     *
     * @param runDirectory the run's directory, or the log itself
     * @throws IllegalArgumentException when there is no log, a line before the last is damaged, or nothing was reported yet
     */
    public static TrainingLog read(Path runDirectory) {
        Path file = Files.isDirectory(runDirectory) ? runDirectory.resolve(FILE) : runDirectory;
        Map<String, List<LineChart.Point>> curves = new LinkedHashMap<>();
        List<String> lines = lines(file);
        for (int i = 0; i < lines.size(); i++) {
            try {
                add(JSON.readTree(lines.get(i)), curves);
            } catch (JsonProcessingException | NumberFormatException damaged) {
                if (i < lines.size() - 1) {
                    throw new IllegalArgumentException(file + " line " + (i + 1) + ": expected a JSON object with " + STEP + " as written by a run: "
                            + damaged.getMessage(), damaged);
                }
            }
        }
        if (curves.isEmpty()) {
            throw new IllegalArgumentException(file + " holds no report yet; wait until the run has made its first logging_steps steps");
        }
        return new TrainingLog(file, curves);
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file, StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException("there is no log " + file + "; expected the directory that the run printed as its run directory", e);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the log " + file, e);
        }
    }

    private static void add(JsonNode line, Map<String, List<LineChart.Point>> curves) {
        long step = Long.parseLong(line.path(STEP).asText().split("/")[0]);
        line.properties().forEach(field -> {
            double value = field.getValue().asDouble(Double.NaN);
            if (field.getValue().isNumber() && Double.isFinite(value)) {
                curves.computeIfAbsent(field.getKey(), name -> new ArrayList<>()).add(new LineChart.Point(step, value));
            }
        });
    }

    /** Names of the figures that the run reported, in the order in which they came. */
    public List<String> names() {
        return List.copyOf(curves.keySet());
    }

    /**
     * One figure over the steps.
     *
     * @throws IllegalArgumentException when the run reported no such figure
     */
    public LineChart curve(String name) {
        List<LineChart.Point> points = curves.get(name);
        if (points == null) {
            throw new IllegalArgumentException(file + " has no figure " + name + "; it has " + String.join(", ", new TreeSet<>(curves.keySet())));
        }
        return new LineChart(name, points);
    }

    /** Several figures beside each other. */
    public Figure curves(String... names) {
        StringBuilder html = new StringBuilder();
        for (String name : names) {
            html.append("<span style=\"display:inline-block;margin:4px\">").append(curve(name).html()).append("</span>");
        }
        String together = html.toString();
        return () -> together;
    }

    /** Several figures as one table with a row for each step; a cell is empty where a step did not report the figure. */
    public Table table(String... names) {
        TreeSet<Long> steps = new TreeSet<>();
        List<Map<Long, Double>> columns = new ArrayList<>();
        for (String name : names) {
            Map<Long, Double> column = new LinkedHashMap<>();
            curve(name).points().forEach(point -> column.put(point.step(), point.value()));
            steps.addAll(column.keySet());
            columns.add(column);
        }
        List<String> header = new ArrayList<>(List.of("step"));
        header.addAll(List.of(names));
        List<List<String>> rows = new ArrayList<>();
        for (long step : steps) {
            List<String> row = new ArrayList<>(List.of(Long.toString(step)));
            columns.forEach(column -> row.add(column.containsKey(step) ? Double.toString(column.get(step)) : ""));
            rows.add(row);
        }
        return new Table(header, rows);
    }
}
