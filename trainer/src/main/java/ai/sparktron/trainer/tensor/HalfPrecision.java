package ai.sparktron.trainer.tensor;

import java.nio.ByteBuffer;

/** Float32 to and from the 16-bit formats: bfloat16 (8 bits of exponent, 7 of fraction) and IEEE float16 (5 and 10). Rounds to nearest even. */
public final class HalfPrecision {

    private HalfPrecision() {
    }

    /** The float32 value of bfloat16 bits: exact. */
    public static float fromBfloat16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** Nearest bfloat16; a NaN stays a (quiet) NaN, a value past the largest becomes infinite. */
    public static short toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fffffff) > 0x7f800000) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    /** The float32 value of float16 bits: exact. */
    public static float fromFloat16(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = (half >>> 10) & 0x1f;
        int fraction = half & 0x3ff;
        if (exponent == 0) {
            float subnormal = fraction * 0x1p-24f;
            return sign == 0 ? subnormal : -subnormal;
        }
        int wideExponent = exponent == 0x1f ? 0xff : exponent + (127 - 15);
        return Float.intBitsToFloat(sign | (wideExponent << 23) | (fraction << 13));
    }

    /** Nearest float16; magnitudes of 65520 and more become infinite, a NaN stays a NaN. */
    public static short toFloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 16) & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            return (short) (sign | 0x7e00);
        }
        if (magnitude >= 0x477ff000) {
            return (short) (sign | 0x7c00);
        }
        if (magnitude < 0x38800000) {
            // Below the smallest normal number 2^-14: a multiple of 2^-24; scaling is exact, rint rounds to even.
            return (short) (sign | (int) Math.rint(Float.intBitsToFloat(magnitude) * 0x1p24));
        }
        int rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
        return (short) (sign | ((rounded - (112 << 23)) >>> 13));
    }

    /**
     * Reads {@code count} numbers of a floating-point type at the buffer's position as float32; the position moves past them.
     *
     * @throws IllegalArgumentException for types that are not F64, F32, BF16, F16 or F8_E4M3
     */
    public static void decode(DType dtype, ByteBuffer source, float[] target, int from, int count) {
        switch (dtype) {
            case F32 -> {
                source.asFloatBuffer().get(target, from, count);
                source.position(source.position() + 4 * count);
            }
            case F64 -> {
                for (int i = 0; i < count; i++) {
                    target[from + i] = (float) source.getDouble();
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    target[from + i] = fromBfloat16(source.getShort());
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    target[from + i] = fromFloat16(source.getShort());
                }
            }
            case F8_E4M3 -> {
                for (int i = 0; i < count; i++) {
                    target[from + i] = Float8.fromE4m3(source.get());
                }
            }
            case F8_E5M2, I64, I32, I16, U8, BOOL -> throw notConvertible(dtype);
        }
    }

    /** Writes float32 numbers as {@code dtype} at the buffer's position, which moves past them. @throws IllegalArgumentException as {@link #decode} */
    public static void encode(DType dtype, float[] source, int from, int count, ByteBuffer target) {
        switch (dtype) {
            case F32 -> {
                target.asFloatBuffer().put(source, from, count);
                target.position(target.position() + 4 * count);
            }
            case F64 -> {
                for (int i = 0; i < count; i++) {
                    target.putDouble(source[from + i]);
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    target.putShort(toBfloat16(source[from + i]));
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    target.putShort(toFloat16(source[from + i]));
                }
            }
            case F8_E4M3, F8_E5M2, I64, I32, I16, U8, BOOL -> throw notConvertible(dtype);
        }
    }

    private static IllegalArgumentException notConvertible(DType dtype) {
        return new IllegalArgumentException("elements of type " + dtype + " cannot be read as or written from float32: expected F64, F32, BF16 or F16 (or, to read, F8_E4M3)");
    }
}
