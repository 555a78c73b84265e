package ai.sparktron.trainer.tensor;

/**
 * Float32 to and from the 8-bit format E4M3 of arXiv 2209.05433: 4 bits of exponent, 3 of fraction, numbers up to 448, no infinities, one NaN of each sign. Rounds
 * to nearest even; magnitudes past the largest become it ("saturating"), as NVIDIA's conversions do.
 */
public final class Float8 {

    /** Largest number of E4M3. */
    public static final float LARGEST_E4M3 = 448;
    /** Smallest number of E4M3 above zero. */
    public static final float SMALLEST_E4M3 = 0x1p-9f;

    private static final int NAN = 0x7f;

    private Float8() {
    }

    /** The float32 value of E4M3 bits: exact. */
    public static float fromE4m3(byte bits) {
        int magnitude = bits & 0x7f;
        int exponent = magnitude >>> 3;
        float value;
        if (magnitude == NAN) {
            value = Float.NaN;
        } else if (exponent == 0) {
            value = magnitude * SMALLEST_E4M3;
        } else {
            value = Float.intBitsToFloat((exponent + 127 - 7) << 23 | (magnitude & 7) << 20);
        }
        return bits < 0 ? -value : value;
    }

    /** Nearest E4M3; a NaN stays a NaN. */
    public static byte toE4m3(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 24) & 0x80;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            return (byte) (sign | NAN);
        }
        if (Float.intBitsToFloat(magnitude) >= LARGEST_E4M3) {
            return (byte) (sign | 0x7e);
        }
        if (magnitude < 0x3c800000) {
            // Below the smallest normal number 2^-6: a multiple of 2^-9; scaling is exact, rint rounds to even.
            return (byte) (sign | (int) Math.rint(Float.intBitsToFloat(magnitude) * 0x1p9));
        }
        int rounded = magnitude + 0x7ffff + ((magnitude >>> 20) & 1);
        return (byte) (sign | ((rounded - (120 << 23)) >>> 20));
    }
}
