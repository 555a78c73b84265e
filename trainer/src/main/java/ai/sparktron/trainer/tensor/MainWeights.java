package ai.sparktron.trainer.tensor;

/**
 * Float32 weights and the bfloat16 values rounded from them: to nearest, ties away from zero. Unlike ties to even this lets value and low half tell the float32 bits,
 * so that two halves of 16 bits hold a weight and its rounded value in the memory of the weight alone.
 */
public final class MainWeights {

    private MainWeights() {
    }

    /** Nearest bfloat16, ties away from zero; a NaN stays one. */
    public static short toBfloat16(float weight) {
        return Float.isNaN(weight) ? HalfPrecision.toBfloat16(weight) : (short) (Float.floatToRawIntBits(weight) + 0x8000 >>> 16);
    }

    /** The 16 bits of a weight that {@link #toBfloat16} leaves out. */
    public static short lowHalf(float weight) {
        return (short) Float.floatToRawIntBits(weight);
    }

    /** The weight of a value and a low half: exact. */
    public static float join(short value, short lowHalf) {
        return Float.intBitsToFloat((value - (lowHalf >>> 15 & 1)) << 16 | lowHalf & 0xffff);
    }

    /** {@code dtype} nearest to a main weight, as float32: {@link #toBfloat16}, or float16 with ties to even. */
    public static float round(DType dtype, float weight) {
        return dtype == DType.BF16 ? HalfPrecision.fromBfloat16(toBfloat16(weight)) : HalfPrecision.fromFloat16(HalfPrecision.toFloat16(weight));
    }
}
