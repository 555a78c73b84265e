package ai.sparktron.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class RowOrderTest {

    private static long[] all(RowOrder order, long seed, long epoch, int rows) {
        SampleOrder sample = order.of(seed, epoch, rows);
        long[] places = new long[rows];
        for (int place = 0; place < rows; place++) {
            places[place] = sample.row(place);
        }
        return places;
    }

    @Test
    void everyRowComesExactlyOnce() {
        for (RowOrder order : RowOrder.values()) {
            for (int rows : new int[] {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 99, 100, 101, 1023, 1024, 1025, 99_991}) {
                for (long seed : new long[] {0, 1, -1, 42, Long.MIN_VALUE}) {
                    BitSet seen = new BitSet();
                    for (long row : all(order, seed, 3, rows)) {
                        seen.set((int) row);
                    }
                    assertEquals(rows, seen.cardinality(), order + ", " + rows + " rows, seed " + seed);
                    assertEquals(rows, seen.length());
                }
            }
        }
    }

    @Test
    void veryLargeDataSetsStayInRange() {
        long rows = 3_000_000_000_017L;
        SampleOrder order = RowOrder.SHUFFLED.of(1, 0, rows);
        for (long place = 0; place < 10_000; place++) {
            long row = order.row(rows - 1 - place);
            assertTrue(row >= 0 && row < rows);
        }
        assertThrows(IndexOutOfBoundsException.class, () -> order.row(rows));
    }

    /** A checkpoint means these very numbers; when this test must change, resuming older checkpoints breaks. */
    @Test
    void theOrderIsPinned() {
        assertArrayEquals(new long[] {8, 5, 6, 3, 4, 2, 10, 11, 1, 7, 9, 0}, all(RowOrder.SHUFFLED, 42, 0, 12));
    }

    @Test
    void seedsAndEpochsGiveOtherOrders() {
        Map<String, String> seen = new HashMap<>();
        for (long seed = 0; seed < 30; seed++) {
            for (long epoch = 0; epoch < 30; epoch++) {
                String where = "seed " + seed + ", epoch " + epoch;
                String before = seen.put(Arrays.toString(all(RowOrder.SHUFFLED, seed, epoch, 40)), where);
                assertEquals(null, before, where + " has the order of " + before);
            }
        }
    }

    @Test
    void everyRowIsAsLikelyAtEveryPlaceAndNeighboursPart() {
        int rows = 11;
        int epochs = 22_000;
        int[][] counts = new int[rows][rows];
        int neighbours = 0;
        for (int epoch = 0; epoch < epochs; epoch++) {
            long[] order = all(RowOrder.SHUFFLED, 5, epoch, rows);
            for (int place = 0; place < rows; place++) {
                counts[place][(int) order[place]]++;
                neighbours += place > 0 && order[place] == order[place - 1] + 1 ? 1 : 0;
            }
        }
        double chiSquare = 0;
        double expected = (double) epochs / rows;
        for (int[] row : counts) {
            for (int count : row) {
                chiSquare += (count - expected) * (count - expected) / expected;
            }
        }
        // (rows - 1)^2 = 100 degrees of freedom: 0.9999 quantile is 161.
        assertTrue(chiSquare < 161, "chi-square " + chiSquare);
        // Each of the 10 places is followed by the next number with probability 1/11.
        assertEquals(epochs * 10.0 / 11, neighbours, 5 * Math.sqrt(epochs));
    }

    @Test
    void allOrdersOfAFewRowsOccurEquallyOften() {
        Map<String, Integer> counts = new HashMap<>();
        int trials = 24_000;
        for (int seed = 0; seed < trials; seed++) {
            counts.merge(Arrays.toString(all(RowOrder.SHUFFLED, seed, 0, 4)), 1, Integer::sum);
        }
        assertEquals(24, counts.size());
        double chiSquare = 0;
        for (int count : counts.values()) {
            chiSquare += (count - 1000.0) * (count - 1000.0) / 1000;
        }
        // 23 degrees of freedom: 0.9999 quantile is 56.
        assertTrue(chiSquare < 56, "chi-square " + chiSquare + " " + counts);
    }
}
