package ai.sparktron.packing.bin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class BestFitPackerTest extends PackerContract {

    @Override
    Packer packer() {
        return new BestFitPacker();
    }

    @Test
    void fillsOrdinaryLengthsNearlyCompletely() {
        for (int capacity : new int[] {2048, 4096, 8192}) {
            for (long seed = 0; seed < 3; seed++) {
                RowPlan plan = packer().pack(ordinaryLengths(10_000, capacity, seed), capacity);
                assertTrue(plan.fill() > 0.995, "fill " + plan.fill() + " at capacity " + capacity + ", seed " + seed);
            }
        }
    }

    /** Lengths of instruction samples: log-normal with median 400; what is longer than a row is cut. */
    private static int[] ordinaryLengths(int count, int capacity, long seed) {
        Random random = new Random(seed);
        int[] lengths = new int[count];
        for (int sample = 0; sample < count; sample++) {
            lengths[sample] = (int) Math.max(1, Math.min(capacity, Math.round(400 * Math.exp(0.9 * random.nextGaussian()))));
        }
        return lengths;
    }

    @Test
    void takesTheFullestRowThatFits() {
        // 7 opens row 0 (3 left), 6 opens row 1 (4 left); 4 fits only row 1; 3 fits only row 0.
        RowPlan plan = packer().pack(new int[] {3, 6, 4, 7}, 10);
        assertEquals(2, plan.rows());
        assertArrayEquals(new int[] {0, 3}, plan.samplesOf(0));
        assertArrayEquals(new int[] {1, 2}, plan.samplesOf(1));
        assertEquals(1.0, plan.fill());
    }

    @Test
    void agreesWithAPlainSearchOverAllRows() {
        Random random = new Random(11);
        for (int trial = 0; trial < 200; trial++) {
            int capacity = 1 + random.nextInt(10_000);
            int[] lengths = random.ints(1 + random.nextInt(300), 1, capacity + 1).toArray();
            assertEquals(plainBestFitRows(lengths, capacity), packer().pack(lengths, capacity).rows(), "trial " + trial);
        }
    }

    private static int plainBestFitRows(int[] lengths, int capacity) {
        int[] sorted = lengths.clone();
        Arrays.sort(sorted);
        List<Integer> free = new ArrayList<>();
        for (int place = sorted.length - 1; place >= 0; place--) {
            int best = -1;
            for (int row = 0; row < free.size(); row++) {
                if (free.get(row) >= sorted[place] && (best < 0 || free.get(row) < free.get(best))) {
                    best = row;
                }
            }
            if (best < 0) {
                best = free.size();
                free.add(capacity);
            }
            free.set(best, free.get(best) - sorted[place]);
        }
        return free.size();
    }
}
