package ai.sparktron.trainer.tensor;

import java.nio.ByteBuffer;

/**
 * Numbers of a wide range in narrow types: blocks of {@value #BLOCK} elements that share a float32 scale, value = element * scale. For F16 and F8_E4M3.
 *
 * <p>The scale is a power of two, chosen so that the block's largest magnitude, rounded to the type, lies in [2^14, 2^15) for F16 and in [2^7, 2^8) for F8_E4M3. So
 * scaling rounds nothing, and numbers that were decoded are encoded to the same bits again: a state that is saved in float32 is resumed exactly. A block of zeros has
 * scale 1.
 */
public final class BlockScaled {

    /** Elements that share a scale. */
    public static final int BLOCK = 128;

    /** Scales below this would underflow in float32 when small elements are decoded. */
    private static final int SMALLEST_EXPONENT = -100;

    private BlockScaled() {
    }

    /** Whether elements of this type have scales beside them. */
    public static boolean has(DType dtype) {
        return dtype == DType.F16 || dtype == DType.F8_E4M3;
    }

    /** Scales of so many elements. */
    public static long scales(long elements) {
        return (elements + BLOCK - 1) / BLOCK;
    }

    /** The scale of a block whose largest magnitude is given; NaN and infinity have scale 1. */
    public static float scale(DType dtype, float largest) {
        if (largest == 0 || !Float.isFinite(largest)) {
            return 1;
        }
        int fractionBits = dtype == DType.F16 ? 10 : 3;
        int top = dtype == DType.F16 ? 14 : 7;
        // Half a unit of the type's last place is added first: a number that rounds up to the next power of two counts as that.
        int exponent = (Float.floatToRawIntBits(largest) + (1 << (22 - fractionBits)) >>> 23) - 127;
        return Math.scalb(1f, Math.max(SMALLEST_EXPONENT, exponent - top));
    }

    /** The scale of values[from .. from + count). */
    public static float scale(DType dtype, float[] values, int from, int count) {
        float largest = 0;
        for (int i = from; i < from + count; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return scale(dtype, largest);
    }

    /** Writes values[from .. from + count) over the buffer's position in units of {@code scale}; the position moves past them. */
    public static void encode(DType dtype, float scale, float[] values, int from, int count, ByteBuffer target) {
        float inverse = 1 / scale;
        for (int i = from; i < from + count; i++) {
            if (dtype == DType.F16) {
                target.putShort(HalfPrecision.toFloat16(values[i] * inverse));
            } else {
                target.put(Float8.toE4m3(values[i] * inverse));
            }
        }
    }

    /** Reads {@code count} elements at the buffer's position as float32; the position moves past them. */
    public static void decode(DType dtype, float scale, ByteBuffer source, float[] values, int from, int count) {
        for (int i = from; i < from + count; i++) {
            values[i] = (dtype == DType.F16 ? HalfPrecision.fromFloat16(source.getShort()) : Float8.fromE4m3(source.get())) * scale;
        }
    }
}
