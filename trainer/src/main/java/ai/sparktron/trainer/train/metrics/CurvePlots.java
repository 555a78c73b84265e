package ai.sparktron.trainer.train.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** PNG curves of a run, drawn from {@code logging.jsonl}: one picture a figure, with a smoothed line over the raw one as TensorBoard shows it. */
public final class CurvePlots {

    private static final ObjectMapper JSON = new ObjectMapper();
    /** Share of the points that the smoothed line looks back over. */
    private static final double SMOOTHED_SHARE = 0.05;
    private static final Set<String> NOT_DRAWN = Set.of("consumed_samples", "skipped_iterations", "eval_samples", "eval_runtime");

    private CurvePlots() {
    }

    private record Curve(List<Double> steps, List<Double> values) {
        Curve() {
            this(new ArrayList<>(), new ArrayList<>());
        }
    }

    /**
     * Draws a picture for every figure of the log that has at least two values.
     *
     * @param log       {@code logging.jsonl}
     * @param directory made when missing: {@code images}
     * @return the pictures made
     */
    public static List<Path> draw(Path log, Path directory) {
        try {
            Map<String, Curve> curves = read(log);
            Files.createDirectories(directory);
            List<Path> pictures = new ArrayList<>();
            for (Map.Entry<String, Curve> curve : curves.entrySet()) {
                if (curve.getValue().steps().size() >= 2) {
                    String name = (curve.getKey().startsWith("eval_") ? "" : "train_") + curve.getKey().replaceAll("[^A-Za-z0-9_]+", "_");
                    Path picture = directory.resolve(name + ".png");
                    BitmapEncoder.saveBitmap(chart(curve.getKey(), curve.getValue()), picture.toString(), BitmapEncoder.BitmapFormat.PNG);
                    pictures.add(picture);
                }
            }
            return pictures;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot draw the curves of " + log + " into " + directory, e);
        }
    }

    private static Map<String, Curve> read(Path log) throws IOException {
        Map<String, Curve> curves = new LinkedHashMap<>();
        for (String line : Files.readAllLines(log, StandardCharsets.UTF_8)) {
            JsonNode node = JSON.readTree(line);
            double step = Double.parseDouble(node.path(JsonLinesSink.STEP_KEY).asText("0").split("/")[0]);
            Iterator<Map.Entry<String, JsonNode>> fields = node.fields();
            while (fields.hasNext()) {
                Map.Entry<String, JsonNode> field = fields.next();
                double value = field.getValue().asDouble(Double.NaN);
                if (field.getValue().isNumber() && Double.isFinite(value) && !NOT_DRAWN.contains(field.getKey())) {
                    Curve curve = curves.computeIfAbsent(field.getKey(), key -> new Curve());
                    curve.steps().add(step);
                    curve.values().add(value);
                }
            }
        }
        return curves;
    }

    private static XYChart chart(String name, Curve curve) {
        XYChart chart = new XYChartBuilder().width(900).height(560).title(name).xAxisTitle("step").yAxisTitle(name).build();
        Styler styler = chart.getStyler();
        styler.setChartBackgroundColor(Color.WHITE);
        styler.setPlotBorderVisible(false);
        styler.setLegendPosition(Styler.LegendPosition.InsideNE);
        chart.getStyler().setYAxisDecimalPattern(scientific(curve) ? "0.##E0" : "#,##0.####");
        chart.getStyler().setXAxisDecimalPattern("#,##0");
        boolean smoothed = curve.values().size() >= 40;
        XYSeries raw = chart.addSeries(name, curve.steps(), curve.values());
        raw.setMarker(SeriesMarkers.NONE).setLineColor(smoothed ? new Color(31, 119, 180, 90) : new Color(31, 119, 180));
        raw.setLineStyle(new BasicStroke(1.5f));
        if (smoothed) {
            XYSeries line = chart.addSeries("smoothed", curve.steps(), smooth(curve.values()));
            line.setMarker(SeriesMarkers.NONE).setLineColor(new Color(214, 94, 20)).setLineStyle(new BasicStroke(2.2f));
        }
        return chart;
    }

    private static boolean scientific(Curve curve) {
        double largest = curve.values().stream().mapToDouble(Math::abs).max().orElse(0);
        return largest > 0 && largest < 1e-2;
    }

    /** Exponential moving average without the bias of its start. */
    private static List<Double> smooth(List<Double> values) {
        List<Double> smoothed = new ArrayList<>();
        double past = Math.exp(-1 / Math.max(1, SMOOTHED_SHARE * values.size()));
        double sum = 0;
        double weight = 0;
        for (double value : values) {
            sum = past * sum + (1 - past) * value;
            weight = past * weight + (1 - past);
            smoothed.add(sum / weight);
        }
        return smoothed;
    }
}
