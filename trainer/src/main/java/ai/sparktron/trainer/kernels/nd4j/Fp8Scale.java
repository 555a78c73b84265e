package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Float8;

/** Scales of quantised blocks, in float32 with the same roundings as {@code quantise.cu}. */
final class Fp8Scale {

    /** Largest factor whose inverse is a normal number. */
    private static final float MOST = 0x1p126f;

    private Fp8Scale() {
    }

    /** What numbers are multiplied by before they are rounded. @param powers whether it is a power of two */
    static float factor(DType dtype, float largest, boolean powers) {
        if (largest == 0 || !Float.isFinite(largest)) {
            return 1;
        }
        float factor = Math.min(MOST, Float8.largest(dtype) / largest);
        return powers ? Float.intBitsToFloat(Float.floatToRawIntBits(factor) & 0xff800000) : factor;
    }

    /** What elements are multiplied by; NaN where the block had numbers that are not finite. */
    static float scale(DType dtype, float largest, boolean powers) {
        return Float.isFinite(largest) ? 1 / factor(dtype, largest, powers) : Float.NaN;
    }
}
