package ai.sparktron.notebooks;

import java.util.ArrayList;
import java.util.List;

/**
 * Upright bars, as an SVG picture and as a table.
 *
 * @param title   what is shown
 * @param xLabel  what a bar stands for
 * @param yLabel  what its height says
 * @param labels  names of the bars
 * @param heights one for each name, not negative
 */
public record BarChart(String title, String xLabel, String yLabel, List<String> labels, List<Long> heights) implements Figure {

    private static final int WIDTH = 760;
    private static final int HEIGHT = 300;
    private static final int LEFT = 64;
    private static final int TOP = 30;
    private static final int BOTTOM = 48;
    /** Names under the bars, at most; more would overlap. */
    private static final int NAMES = 12;

    public BarChart {
        labels = List.copyOf(labels);
        heights = List.copyOf(heights);
        if (labels.size() != heights.size() || labels.isEmpty()) {
            throw new IllegalArgumentException(labels.size() + " labels and " + heights.size() + " heights; expected as many of each, and at least one");
        }
        if (heights.stream().anyMatch(height -> height < 0)) {
            throw new IllegalArgumentException("heights " + heights + ": expected none below 0");
        }
    }

    /** The bars as rows: for a table, or for Zeppelin's own charts. */
    public Table table() {
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < labels.size(); i++) {
            rows.add(List.of(labels.get(i), Long.toString(heights.get(i))));
        }
        return new Table(List.of(xLabel, yLabel), rows);
    }

    @Override
    public String html() {
        long most = Math.max(1, heights.stream().mapToLong(Long::longValue).max().orElseThrow());
        double step = (double) (WIDTH - LEFT - 16) / labels.size();
        double floor = HEIGHT - BOTTOM;
        int every = (labels.size() + NAMES - 1) / NAMES;
        StringBuilder svg = new StringBuilder(Picture.open(WIDTH, HEIGHT, title));
        svg.append(Picture.text(LEFT - 6, TOP + 4, "end", Html.number(most))).append(Picture.text(LEFT - 6, floor, "end", "0"));
        svg.append(Picture.line(LEFT, floor, WIDTH - 16, floor)).append(Picture.line(LEFT, TOP, LEFT, floor));
        for (int i = 0; i < labels.size(); i++) {
            double height = (floor - TOP) * heights.get(i) / most;
            svg.append(Picture.box(LEFT + i * step + 0.1 * step, floor - height, 0.8 * step, height, Picture.BLUE, labels.get(i) + ": " + Html.number(heights.get(i))));
            if (i % every == 0) {
                svg.append(Picture.text(LEFT + (i + 0.5) * step, floor + 15, "middle", labels.get(i)));
            }
        }
        svg.append(Picture.text(WIDTH / 2.0, HEIGHT - 8, "middle", xLabel)).append(Picture.text(4, TOP - 10, "start", yLabel));
        return svg.append(Picture.CLOSE).toString();
    }
}
