package ai.sparktron.notebooks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class FigureTest {

    private static final String HOSTILE = "<script>alert('x')</script> & \"quoted\"\n%md\t50 %";

    @Test
    void textFromDataIsShownAndNotObeyed() {
        Figure table = new Table(List.of(HOSTILE), List.of(List.of(HOSTILE)));
        Figure bars = new BarChart(HOSTILE, HOSTILE, HOSTILE, List.of(HOSTILE), List.of(3L));
        Figure line = new LineChart(HOSTILE, List.of(new LineChart.Point(1, 2)));
        Figure tokens = new TokenPicture(HOSTILE, List.of(new TokenPicture.Piece(HOSTILE, List.of(7), 1)));
        for (Figure figure : List.of(table, bars, line, tokens)) {
            Markup markup = Markup.parse(figure.html());
            assertEquals(0, markup.elements("script", element -> true).size(), figure.html());
            assertTrue(markup.text().contains("<script>alert('x')</script> & \"quoted\""), markup.text());
            assertEquals(1, figure.zeppelin().lines().filter(each -> each.startsWith("%")).count(),
                    "one display system only, or Zeppelin splits the output: " + figure.zeppelin());
        }
    }

    @Test
    void aTablesCellsStayInTheirColumns() {
        Table table = new Table(List.of("word", "count"), List.of(List.of("a\tb\nc", "1"), List.of("%html", "2")));
        assertEquals("%table word\tcount\na b c\t1\n %html\t2\n", table.zeppelin());
        assertEquals(List.of("a\tb\nc", "1", "%html", "2"), Markup.parse(table.html()).elements("td", cell -> true).stream().map(cell -> cell.getTextContent()).toList());
        String message = assertThrows(IllegalArgumentException.class, () -> new Table(List.of("a", "b"), List.of(List.of("1")))).getMessage();
        assertTrue(message.contains("1 cells") && message.contains("expected 2"), message);
    }

    @Test
    void barsAreAsHighAsTheirCounts() {
        BarChart chart = new BarChart("t", "tokens", "samples", List.of("1-8", "9-16", "17-24"), List.of(10L, 0L, 40L));
        List<Double> heights = Markup.parse(chart.html()).elements("rect", box -> true).stream().map(box -> Double.parseDouble(box.getAttribute("height"))).toList();
        assertEquals(3, heights.size());
        assertEquals(0, heights.get(1));
        assertEquals(4, heights.get(2) / heights.get(0), 0.01);
        assertEquals(List.of(List.of("1-8", "10"), List.of("9-16", "0"), List.of("17-24", "40")), chart.table().rows());
    }

    @Test
    void aCurveGoesThroughItsPoints() {
        LineChart chart = new LineChart("loss", List.of(new LineChart.Point(1, 8), new LineChart.Point(2, 6), new LineChart.Point(5, 4)));
        String[] points = Markup.parse(chart.html()).elements("polyline", line -> true).get(0).getAttribute("points").trim().split(" ");
        assertEquals(3, points.length);
        assertEquals(0.25, (x(points[1]) - x(points[0])) / (x(points[2]) - x(points[0])), 0.001, "step 2 of 1 to 5");
        assertEquals(0.5, (y(points[1]) - y(points[0])) / (y(points[2]) - y(points[0])), 0.001, "6 of 8 to 4");
        assertTrue(y(points[2]) > y(points[0]), "less is further down");
        assertFalse(new LineChart("one", List.of(new LineChart.Point(3, 0.5))).html().contains("NaN"));
    }

    private static double x(String point) {
        return Double.parseDouble(point.split(",")[0]);
    }

    private static double y(String point) {
        return Double.parseDouble(point.split(",")[1]);
    }

    @Test
    void rowsAreDrawnToScaleWithWhatStaysEmpty() {
        PackingPicture picture = new PackingPicture(100, List.of(List.of(60, 40), List.of(30, 20)));
        List<Double> widths = Markup.parse(picture.html()).elements("rect", box -> true).stream().map(box -> Double.parseDouble(box.getAttribute("width"))).toList();
        double token = widths.get(0) / 60;
        assertEquals(5, widths.size(), "four samples and one gap");
        assertEquals(List.of(60L, 40L, 30L, 20L, 50L), widths.stream().map(width -> Math.round(width / token)).toList());
        assertTrue(Markup.parse(picture.html()).text().contains("50.0 %"));
        assertThrows(IllegalArgumentException.class, () -> new PackingPicture(10, List.of(List.of(6, 5))));
    }
}
