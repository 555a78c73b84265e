package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.HalfPrecision;
import java.nio.LongBuffer;
import org.junit.jupiter.api.Test;

/** The rule and the bits, apart from engines. */
class StochasticRoundingTest {

    private static final int ELEMENTS = 1 << 16;

    private static float round(int result, int bits) {
        return HalfPrecision.fromBfloat16(StochasticRounding.round(Float.intBitsToFloat(result), bits));
    }

    @Test
    void roundsUpAsOftenAsTheResultIsNear() {
        assertEquals(0x1p0f, round(0x3f800000, 0xffff), "a number that is there");
        assertEquals(0x1p0f, round(0x3f800001, 0xfffe));
        assertEquals(0x1.02p0f, round(0x3f800001, 0xffff));
        assertEquals(-0x1.02p0f, round(0xbf80c000, 0x4000), "away from zero");
        assertEquals(-0x1p0f, round(0xbf80c000, 0x3fff));
        assertEquals(Float.intBitsToFloat(0x00800000), round(0x007fffff, 1), "out of the subnormal numbers");
        assertEquals(Float.intBitsToFloat(0x7f7f0000), round(0x7f7fffff, 0xffff), "never to infinity");
        assertEquals(Float.NEGATIVE_INFINITY, round(0xff800000, 0xffff));
        assertTrue(Float.isNaN(round(0x7fffffff, 0xffff)) && Float.isNaN(round(0xff800001, 0)));
    }

    private static int[] bits(long seed, long first, long step) {
        RoundingBits bits = new RoundingBits(new StochasticRounding(seed, null, first), LongBuffer.wrap(new long[] {0, 0x9e37_79b9_7f4a_7c10L}), step);
        int[] all = new int[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            all[i] = bits.of(i);
        }
        return all;
    }

    /** Each of the 16 bits is set in half of the elements, and bytes are spread evenly: chi-square of 255 degrees of freedom within 5 deviations. */
    @Test
    void bitsAreUniform() {
        int[] all = bits(42, 0, 1);
        int[] high = new int[256];
        int[] low = new int[256];
        int[] set = new int[16];
        for (int bits : all) {
            high[bits >> 8]++;
            low[bits & 0xff]++;
            for (int i = 0; i < 16; i++) {
                set[i] += bits >> i & 1;
            }
        }
        for (int count : set) {
            assertEquals(ELEMENTS / 2.0, count, 5 * Math.sqrt(ELEMENTS) / 2);
        }
        for (int[] counts : new int[][] {high, low}) {
            double square = 0;
            for (int count : counts) {
                square += Math.pow(count - ELEMENTS / 256.0, 2) / (ELEMENTS / 256.0);
            }
            assertEquals(255, square, 5 * Math.sqrt(2 * 255));
        }
    }

    /** Neighbours, following steps and other seeds: correlation within 5 deviations of none. */
    @Test
    void bitsAreIndependent() {
        int[] all = bits(42, 0, 1);
        for (int[] other : new int[][] {bits(42, 1, 1), bits(42, 2, 1), bits(42, 8, 1), bits(42, 2048, 1), bits(42, 0, 2), bits(43, 0, 1)}) {
            double sum = 0;
            for (int i = 0; i < ELEMENTS; i++) {
                sum += (all[i] - 32767.5) * (other[i] - 32767.5);
            }
            double variance = (Math.pow(65536, 2) - 1) / 12;
            assertEquals(0, sum / variance / ELEMENTS, 5 / Math.sqrt(ELEMENTS));
        }
    }
}
