package ai.sparktron.packing.bin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class UnpackedPackerTest extends PackerContract {

    @Override
    Packer packer() {
        return new UnpackedPacker();
    }

    @Test
    void rowKIsSampleK() {
        RowPlan plan = packer().pack(new int[] {6, 4, 1}, 10);
        assertEquals(3, plan.rows());
        assertArrayEquals(new int[] {1}, plan.samplesOf(1));
    }
}
