package ai.sparktron.notebooks;

import java.util.ArrayList;
import java.util.List;

/**
 * One figure over the steps of a run, as an SVG picture and as a table.
 *
 * @param name   of the figure
 * @param points in the order of the steps
 */
public record LineChart(String name, List<Point> points) implements Figure {

    private static final int WIDTH = 380;
    private static final int HEIGHT = 230;
    private static final int LEFT = 64;
    private static final int RIGHT = 12;
    private static final int TOP = 30;
    private static final int BOTTOM = 34;
    /** Up to this many points are marked, so that a run of one report is seen too. */
    private static final int MARKED = 60;

    /**
     * A value after a step.
     *
     * @param step  from 1
     * @param value finite
     */
    public record Point(long step, double value) {
        public Point {
            if (!Double.isFinite(value)) {
                throw new IllegalArgumentException("step " + step + " has the value " + value + ": only finite values can be drawn");
            }
        }
    }

    public LineChart {
        points = List.copyOf(points);
        if (points.isEmpty()) {
            throw new IllegalArgumentException("nothing to draw for " + name + ": expected at least one point");
        }
    }

    /** The points as rows. */
    public Table table() {
        List<List<String>> rows = new ArrayList<>();
        points.forEach(point -> rows.add(List.of(Long.toString(point.step()), Double.toString(point.value()))));
        return new Table(List.of("step", name), rows);
    }

    @Override
    public String html() {
        double low = points.stream().mapToDouble(Point::value).min().orElseThrow();
        double high = points.stream().mapToDouble(Point::value).max().orElseThrow();
        Scale y = new Scale(low, high, HEIGHT - BOTTOM, TOP);
        Scale x = new Scale(points.get(0).step(), points.get(points.size() - 1).step(), LEFT, WIDTH - RIGHT);
        StringBuilder svg = new StringBuilder(Picture.open(WIDTH, HEIGHT, name));
        svg.append(Picture.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM)).append(Picture.line(LEFT, TOP, LEFT, HEIGHT - BOTTOM));
        svg.append(Picture.text(LEFT - 6, TOP + 4, "end", Html.number(y.to()))).append(Picture.text(LEFT - 6, HEIGHT - BOTTOM, "end", Html.number(y.from())));
        svg.append(Picture.text(LEFT, HEIGHT - BOTTOM + 15, "start", Html.number(x.from()))).append(Picture.text(WIDTH - RIGHT, HEIGHT - BOTTOM + 15, "end", Html.number(x.to())));
        svg.append(Picture.text(WIDTH / 2.0, HEIGHT - 6, "middle", "step")).append("<polyline fill=\"none\" stroke=\"").append(Picture.BLUE).append("\" stroke-width=\"1.6\" points=\"");
        points.forEach(point -> svg.append(Html.pixels(x.place(point.step()))).append(',').append(Html.pixels(y.place(point.value()))).append(' '));
        svg.append("\"/>");
        if (points.size() <= MARKED) {
            points.forEach(point -> svg.append(Picture.box(x.place(point.step()) - 2, y.place(point.value()) - 2, 4, 4, Picture.ORANGE,
                    "step " + point.step() + ": " + point.value())));
        }
        return svg.append(Picture.CLOSE).toString();
    }

    /** Values to pixels; one single value lies in the middle. */
    private record Scale(double from, double to, double firstPixel, double lastPixel) {

        double place(double value) {
            return to == from ? (firstPixel + lastPixel) / 2 : firstPixel + (value - from) / (to - from) * (lastPixel - firstPixel);
        }
    }
}
