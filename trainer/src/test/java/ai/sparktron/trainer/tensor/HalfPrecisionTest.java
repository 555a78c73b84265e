package ai.sparktron.trainer.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HalfPrecisionTest {

    /** Every 16-bit pattern comes back, and a float between two neighbours goes to the nearer, a tie to the even one. */
    @Test
    void everyPatternAndEveryMidpoint() {
        int midpoints = 0;
        for (int bits = 0; bits < 0x10000; bits++) {
            midpoints += check(bits, true) + check(bits, false);
        }
        assertEquals(2 * (0x7f80 - 1) + 2 * (0x7c00 - 1), midpoints);
    }

    private static int check(int bits, boolean brain) {
        float value = brain ? HalfPrecision.fromBfloat16((short) bits) : HalfPrecision.fromFloat16((short) bits);
        if (Float.isNaN(value)) {
            short back = brain ? HalfPrecision.toBfloat16(value) : HalfPrecision.toFloat16(value);
            assertTrue(Float.isNaN(brain ? HalfPrecision.fromBfloat16(back) : HalfPrecision.fromFloat16(back)));
            return 0;
        }
        assertEquals((short) bits, brain ? HalfPrecision.toBfloat16(value) : HalfPrecision.toFloat16(value));
        float next = brain ? HalfPrecision.fromBfloat16((short) (bits + 1)) : HalfPrecision.fromFloat16((short) (bits + 1));
        if ((bits & 0x7fff) == (brain ? 0x7f7f : 0x7bff) || Float.isInfinite(value) || Float.isNaN(next)) {
            return 0;
        }
        float middle = (float) (((double) value + next) / 2);
        short even = (short) ((bits & 1) == 0 ? bits : bits + 1);
        assertEquals(even, round(middle, brain), "tie above " + value);
        assertEquals((short) bits, round(toward(middle, value), brain), "below the tie above " + value);
        assertEquals((short) (bits + 1), round(toward(middle, next), brain), "above the tie above " + value);
        return 1;
    }

    private static float toward(float from, float to) {
        return Math.nextAfter(from, to);
    }

    private static short round(float value, boolean brain) {
        return brain ? HalfPrecision.toBfloat16(value) : HalfPrecision.toFloat16(value);
    }

    @Test
    void overflowIsInfinite() {
        assertEquals((short) 0x7c00, HalfPrecision.toFloat16(65520f));
        assertEquals((short) 0x7bff, HalfPrecision.toFloat16(Math.nextDown(65520f)));
        assertEquals((short) 0x7f80, HalfPrecision.toBfloat16(Float.MAX_VALUE));
        assertEquals((short) 0xfc00, HalfPrecision.toFloat16(Float.NEGATIVE_INFINITY));
        assertTrue(Float.isNaN(HalfPrecision.fromBfloat16(HalfPrecision.toBfloat16(Float.intBitsToFloat(0x7f800001)))));
    }
}
