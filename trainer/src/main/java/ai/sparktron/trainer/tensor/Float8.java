package ai.sparktron.trainer.tensor;

/**
 * Float32 to and from the 8-bit formats of arXiv 2209.05433. E4M3 has 4 bits of exponent and 3 of fraction, numbers up to 448, no infinities, one NaN of each sign; E5M2
 * has 5 and 2, numbers up to 57344, infinities and NaNs as IEEE formats have. Rounds to nearest even; magnitudes past the largest, infinity too, become it
 * ("saturating"), as NVIDIA's conversions do.
 */
public final class Float8 {

    /** Largest number of E4M3. */
    public static final float LARGEST_E4M3 = 448;
    /** Smallest number of E4M3 above zero. */
    public static final float SMALLEST_E4M3 = 0x1p-9f;
    /** Largest number of E5M2. */
    public static final float LARGEST_E5M2 = 57344;
    /** Smallest number of E5M2 above zero. */
    public static final float SMALLEST_E5M2 = 0x1p-16f;

    private static final int NAN = 0x7f;
    private static final int E5M2_INFINITY = 0x7c;

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

    /** The float32 value of E5M2 bits, which are the upper half of a float16: exact. */
    public static float fromE5m2(byte bits) {
        return HalfPrecision.fromFloat16((short) (bits << 8));
    }

    /** Nearest E5M2; a NaN stays a NaN. */
    public static byte toE5m2(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 24) & 0x80;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            return (byte) (sign | NAN);
        }
        if (Float.intBitsToFloat(magnitude) >= LARGEST_E5M2) {
            return (byte) (sign | E5M2_INFINITY - 1);
        }
        if (magnitude < 0x38800000) {
            // Below the smallest normal number 2^-14: a multiple of 2^-16.
            return (byte) (sign | (int) Math.rint(Float.intBitsToFloat(magnitude) * 0x1p16));
        }
        int rounded = magnitude + 0xfffff + ((magnitude >>> 21) & 1);
        return (byte) (sign | ((rounded - (112 << 23)) >>> 21));
    }

    /** The float32 value of an element of either type. */
    public static float decode(DType dtype, byte bits) {
        return isE4m3(dtype) ? fromE4m3(bits) : fromE5m2(bits);
    }

    /** Nearest element of either type. */
    public static byte encode(DType dtype, float value) {
        return isE4m3(dtype) ? toE4m3(value) : toE5m2(value);
    }

    /** Largest number of either type. */
    public static float largest(DType dtype) {
        return isE4m3(dtype) ? LARGEST_E4M3 : LARGEST_E5M2;
    }

    private static boolean isE4m3(DType dtype) {
        if (dtype != DType.F8_E4M3 && dtype != DType.F8_E5M2) {
            throw new IllegalStateException(dtype + ": expected F8_E4M3 or F8_E5M2");
        }
        return dtype == DType.F8_E4M3;
    }
}
