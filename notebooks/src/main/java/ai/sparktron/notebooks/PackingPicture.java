package ai.sparktron.notebooks;

import java.util.List;
import java.util.Locale;

/**
 * The first packed rows drawn to scale: one bar for each row, its samples in alternating blue, what stays empty in orange.
 *
 * @param capacity tokens of a full row
 * @param rows     lengths of the samples of each row in tokens, in their order
 */
public record PackingPicture(int capacity, List<List<Integer>> rows) implements Figure {

    private static final int WIDTH = 760;
    private static final int LEFT = 44;
    private static final int RIGHT = 64;
    private static final int TOP = 30;
    private static final int BAR = 12;

    public PackingPicture {
        rows = rows.stream().map(List::copyOf).toList();
        for (List<Integer> row : rows) {
            if (tokens(row) > capacity) {
                throw new IllegalArgumentException("a row of " + tokens(row) + " tokens; expected at most its capacity, " + capacity);
            }
        }
    }

    private static long tokens(List<Integer> row) {
        return row.stream().mapToLong(Integer::longValue).sum();
    }

    @Override
    public String html() {
        double perToken = (double) (WIDTH - LEFT - RIGHT) / capacity;
        StringBuilder svg = new StringBuilder(Picture.open(WIDTH, TOP + rows.size() * (BAR + 3) + 6, "samples in the first " + rows.size() + " rows of " + capacity + " tokens"));
        for (int r = 0; r < rows.size(); r++) {
            double y = TOP + r * (BAR + 3);
            double x = LEFT;
            int document = 0;
            for (int length : rows.get(r)) {
                svg.append(Picture.box(x, y, length * perToken, BAR, document++ % 2 == 0 ? Picture.BLUE : Picture.PALE_BLUE, length + " tokens"));
                x += length * perToken;
            }
            long left = capacity - tokens(rows.get(r));
            if (left > 0) {
                svg.append(Picture.box(x, y, left * perToken, BAR, Picture.ORANGE, left + " empty"));
            }
            svg.append(Picture.text(LEFT - 6, y + BAR - 2, "end", Integer.toString(r)));
            svg.append(Picture.text(WIDTH - RIGHT + 6, y + BAR - 2, "start", String.format(Locale.ROOT, "%.1f %%", 100.0 * (capacity - left) / capacity)));
        }
        return svg.append(Picture.CLOSE).toString();
    }
}
