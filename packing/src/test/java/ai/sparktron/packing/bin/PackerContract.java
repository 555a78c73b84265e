package ai.sparktron.packing.bin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** What every packer promises. */
abstract class PackerContract {

    abstract Packer packer();

    @Test
    void everySampleIsInExactlyOneRowAndNoRowOverflows() {
        Random random = new Random(7);
        int checked = 0;
        for (int capacity : new int[] {1, 2, 63, 64, 65, 127, 4095, 4096, 4097, 100_000}) {
            for (int count : new int[] {1, 2, 3, 100, 3000}) {
                int[] lengths = random.ints(count, 1, capacity + 1).toArray();
                assertPartition(lengths, packer().pack(lengths, capacity), capacity);
                checked++;
            }
        }
        assertEquals(50, checked);
    }

    private static void assertPartition(int[] lengths, RowPlan plan, int capacity) {
        boolean[] seen = new boolean[lengths.length];
        long tokens = 0;
        for (int row = 0; row < plan.rows(); row++) {
            long inRow = 0;
            assertTrue(plan.start(row) < plan.start(row + 1), "row " + row + " is empty");
            int before = -1;
            for (int sample : plan.samplesOf(row)) {
                assertTrue(sample > before, "samples of row " + row + " are not ascending");
                assertTrue(!seen[sample], "sample " + sample + " is in two rows");
                seen[sample] = true;
                inRow += lengths[sample];
                before = sample;
            }
            assertTrue(inRow <= capacity, "row " + row + " holds " + inRow + " of " + capacity);
            tokens += inRow;
        }
        assertEquals(lengths.length, plan.samples());
        assertEquals(lengths.length, plan.start(plan.rows()));
        assertEquals(tokens, plan.tokens());
        assertEquals((double) tokens / plan.rows() / capacity, plan.fill(), 1e-12);
    }

    @Test
    void samePlanEveryTimeAndInputUntouched() {
        int[] lengths = new Random(3).ints(2000, 1, 50).toArray();
        int[] copy = lengths.clone();
        RowPlan first = packer().pack(lengths, 64);
        RowPlan second = packer().pack(lengths, 64);
        assertArrayEquals(copy, lengths);
        assertEquals(first.rows(), second.rows());
        for (int row = 0; row < first.rows(); row++) {
            assertArrayEquals(first.samplesOf(row), second.samplesOf(row));
        }
    }

    @Test
    void nothingToPackIsAnEmptyPlan() {
        RowPlan plan = packer().pack(new int[0], 10);
        assertEquals(0, plan.rows());
        assertEquals(1.0, plan.fill());
    }

    @Test
    void aSampleThatFitsNoRowIsNamed() {
        String tooLong = assertThrows(IllegalArgumentException.class, () -> packer().pack(new int[] {3, 11, 12}, 10)).getMessage();
        assertTrue(tooLong.startsWith("sample 1 has 11 tokens, more than a row of 10"), tooLong);
        String empty = assertThrows(IllegalArgumentException.class, () -> packer().pack(new int[] {3, 0}, 10)).getMessage();
        assertTrue(empty.startsWith("sample 1 has 0 tokens"), empty);
        String capacity = assertThrows(IllegalArgumentException.class, () -> packer().pack(new int[] {1}, 0)).getMessage();
        assertTrue(capacity.startsWith("row capacity is 0"), capacity);
    }
}
