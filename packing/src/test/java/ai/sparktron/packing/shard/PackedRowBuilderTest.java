package ai.sparktron.packing.shard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class PackedRowBuilderTest {

    private static int[] array(IntBuffer buffer) {
        int[] array = new int[buffer.limit()];
        buffer.get(0, array);
        return array;
    }

    @Test
    void labelsMoveToThePrecedingTokenAndNeverCrossASample() {
        PackedRowBuilder row = new PackedRowBuilder()
                .add(new int[] {5, 6, 7}, new int[] {-100, 6, 7}, null)
                .add(new int[] {8, 9}, new int[] {8, 9}, null)
                .add(new int[] {4}, new int[] {4}, null);
        TokenRow view = row.view();
        assertArrayEquals(new int[] {5, 6, 7, 8, 9, 4}, array(view.ids()));
        assertArrayEquals(new int[] {6, 7, -100, 9, -100, -100}, array(view.labels()));
        assertArrayEquals(new int[] {0, 1, 2, 0, 1, 0}, array(view.positions()));
        assertNull(view.weightsOrNull());
        assertEquals(3, row.documents());
        assertEquals(3, row.trainedTokens());
        assertEquals(6, row.tokens());
    }

    @Test
    void weightsMoveWithTheirLabelsAndSamplesWithoutWeightsCountOnce() {
        PackedRowBuilder row = new PackedRowBuilder()
                .add(new int[] {5, 6, 7}, new int[] {-100, -100, 7}, null)
                .add(new int[] {8, 9, 3}, new int[] {-100, 9, 3}, new float[] {0.25f, 2, 0.5f});
        float[] weights = new float[6];
        row.view().weightsOrNull().get(0, weights);
        assertArrayEquals(new float[] {0, 1, 0, 2, 0.5f, 0}, weights);
        assertNull(row.clear().add(new int[] {1}, new int[] {1}, null).view().weightsOrNull());
    }

    @Test
    void theNumberOfADocumentIsTheWeightOfItsLastToken() {
        PackedRowBuilder row = new PackedRowBuilder()
                .add(new int[] {5, 6, 7}, new int[] {-100, -100, 7}, null)
                .add(new int[] {8, 9}, new int[] {-100, 9}, null, -0.5f)
                .add(new int[] {3, 4}, new int[] {-100, 4}, new float[] {0, 2}, 1);
        float[] weights = new float[7];
        row.view().weightsOrNull().get(0, weights);
        assertArrayEquals(new float[] {0, 1, 0, 1, -0.5f, 2, 1}, weights);
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> row.add(new int[] {1}, new int[] {1}, null, Float.NaN));
        assertTrue(refusal.getMessage().contains("number of a document is NaN"), refusal.getMessage());
    }

    @Test
    void growsAndCopies() {
        PackedRowBuilder row = new PackedRowBuilder();
        Random random = new Random(5);
        int[] all = random.ints(5000, 0, 100).toArray();
        for (int start = 0; start < all.length; start += 500) {
            int[] ids = Arrays.copyOfRange(all, start, start + 500);
            float[] weights = start == 2500 ? new float[500] : null;
            row.add(ids, ids, weights);
        }
        TokenRow copy = row.toRow();
        row.clear().add(new int[] {1, 2}, new int[] {1, 2}, null);
        assertArrayEquals(all, array(copy.ids()));
        assertEquals(1f, copy.weightsOrNull().get(0));
        assertEquals(0f, copy.weightsOrNull().get(2500));
    }

    @Test
    void badSamplesAreRefusedAndLeaveTheRowAsItWas() {
        PackedRowBuilder row = new PackedRowBuilder().add(new int[] {1, 2}, new int[] {1, 2}, null);
        assertMessage("without tokens", row, new int[0], new int[0], null);
        assertMessage("2 ids has 1 labels", row, new int[2], new int[1], null);
        assertMessage("and 3 weights", row, new int[2], new int[2], new float[3]);
        assertMessage("token 1 is NaN", row, new int[2], new int[2], new float[] {1, Float.NaN});
        assertMessage("token 0 is -1.0", row, new int[2], new int[2], new float[] {-1, 1});
        assertMessage("token 1 is Infinity", row, new int[2], new int[2], new float[] {1, Float.POSITIVE_INFINITY});
        assertEquals(2, row.tokens());
        assertEquals(1, row.documents());
    }

    private static void assertMessage(String part, PackedRowBuilder row, int[] ids, int[] labels, float[] weights) {
        String message = assertThrows(IllegalArgumentException.class, () -> row.add(ids, labels, weights)).getMessage();
        assertTrue(message.contains(part), message);
    }
}
