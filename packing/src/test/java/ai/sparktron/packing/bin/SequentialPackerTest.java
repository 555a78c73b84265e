package ai.sparktron.packing.bin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class SequentialPackerTest extends PackerContract {

    @Override
    Packer packer() {
        return new SequentialPacker();
    }

    @Test
    void keepsTheOrderAndClosesARowWhenTheNextDoesNotFit() {
        RowPlan plan = packer().pack(new int[] {6, 4, 1, 9, 2}, 10);
        assertEquals(3, plan.rows());
        assertArrayEquals(new int[] {0, 1}, plan.samplesOf(0));
        assertArrayEquals(new int[] {2, 3}, plan.samplesOf(1));
        assertArrayEquals(new int[] {4}, plan.samplesOf(2));
    }
}
