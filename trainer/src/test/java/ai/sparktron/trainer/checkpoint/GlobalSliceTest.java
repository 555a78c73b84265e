package ai.sparktron.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GlobalSliceTest {

    /** Every pair of random slices shares exactly the global elements that a table of global indices says. */
    @Test
    void overlapsAreThoseOfGlobalIndices() {
        long seed = 20261124;
        Random random = new Random(seed);
        int checked = 0;
        for (int trial = 0; trial < 20000; trial++) {
            int rows = 1 + random.nextInt(6);
            int columns = 1 + random.nextInt(7);
            List<Long> shape = rows == 1 && random.nextBoolean() ? List.of((long) columns) : List.of((long) rows, (long) columns);
            GlobalSlice a = random(random, shape, rows, columns);
            GlobalSlice b = random.nextInt(4) == 0 ? GlobalSlice.whole("w", shape) : random(random, shape, rows, columns);
            long[] indexA = indices(a, columns);
            long[] indexB = indices(b, columns);
            boolean[] seen = new boolean[indexA.length];
            long common = a.overlap(b, (here, there, count) -> {
                for (int i = 0; i < count; i++) {
                    assertEquals(indexA[(int) here + i], indexB[(int) there + i], "seed " + seed);
                    seen[(int) here + i] = true;
                }
            });
            int expected = 0;
            for (int i = 0; i < indexA.length; i++) {
                boolean inBoth = contains(indexB, indexA[i]);
                assertEquals(inBoth, seen[i], "seed " + seed + " " + a + " " + b);
                expected += inBoth ? 1 : 0;
            }
            assertEquals(expected, common);
            checked += expected;
        }
        assertEquals(true, checked > 5000, "too few common elements were seen: " + checked);
    }

    @Test
    void refusesWhatLiesOutside() {
        assertThrows(IllegalArgumentException.class, () -> new GlobalSlice("w", List.of(4L, 4L), 2, 3, 0, 4, 0, 1));
        assertThrows(IllegalArgumentException.class, () -> new GlobalSlice("w", List.of(4L, 4L), 0, 2, 0, 4, 5, 4));
    }

    private static GlobalSlice random(Random random, List<Long> shape, int rows, int columns) {
        int firstRow = random.nextInt(rows);
        int rowCount = 1 + random.nextInt(rows - firstRow);
        int firstColumn = random.nextInt(columns);
        int columnCount = 1 + random.nextInt(columns - firstColumn);
        int first = random.nextInt(rowCount * columnCount);
        return new GlobalSlice("w", shape, firstRow, rowCount, firstColumn, columnCount, first,
                1 + random.nextInt(rowCount * columnCount - first));
    }

    private static long[] indices(GlobalSlice slice, int columns) {
        long[] indices = new long[(int) slice.elements()];
        for (int i = 0; i < indices.length; i++) {
            long element = slice.firstElement() + i;
            indices[i] = (slice.firstRow() + element / slice.columns()) * columns + slice.firstColumn() + element % slice.columns();
        }
        return indices;
    }

    private static boolean contains(long[] values, long value) {
        for (long candidate : values) {
            if (candidate == value) {
                return true;
            }
        }
        return false;
    }
}
