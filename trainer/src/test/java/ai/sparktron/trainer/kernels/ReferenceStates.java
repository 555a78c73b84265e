package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.LongBuffer;

/** An optimizer's state in each of its types, in the plainest terms: numbers of a narrow type are looked for among all that it has. */
final class ReferenceStates {

    private static final int BLOCK = 128;
    private static final double[] E4M3 = java.util.stream.IntStream.range(0, 256).mapToDouble(ReferenceStates::number).toArray();

    private ReferenceStates() {
    }

    /** The number that bits of E4M3 stand for. */
    static double e4m3(int bits) {
        return E4M3[bits & 0xff];
    }

    private static double number(int bits) {
        int exponent = bits >> 3 & 15;
        double magnitude = exponent == 0 ? (bits & 7) * Math.pow(2, -9) : (8 + (bits & 7)) * Math.pow(2, exponent - 10);
        return (bits & 0x7f) == 0x7f ? Double.NaN : (bits & 0x80) != 0 ? -magnitude : magnitude;
    }

    /** The bits of the nearest number of E4M3; of two as near, the one whose bits are even. */
    static int e4m3(double value) {
        int best = 0;
        for (int bits = 0; bits < 0x7f; bits++) {
            double distance = Math.abs(e4m3(bits) - Math.abs(value));
            double least = Math.abs(e4m3(best) - Math.abs(value));
            if (distance < least || distance == least && bits % 2 == 0) {
                best = bits;
            }
        }
        return value < 0 ? best | 0x80 : best;
    }

    private static double narrow(DType dtype, double value) {
        return dtype == DType.F16 ? HalfPrecision.fromFloat16(HalfPrecision.toFloat16((float) value)) : e4m3(e4m3(value));
    }

    static double[] read(StateTensor state, boolean secondMoment) {
        double[] values = new double[(int) state.elements().elements()];
        boolean tiny = state.elements().dtype() == DType.F8_E4M3;
        for (int i = 0; i < values.length; i++) {
            double element = new Cells(state.elements()).get(i);
            double scale = state.scales() == null ? 1 : new Cells(state.scales()).get(i / BLOCK);
            values[i] = (tiny ? e4m3((int) element) : element) * scale;
            values[i] *= tiny && secondMoment ? values[i] : 1;
        }
        return values;
    }

    static void write(StateTensor state, boolean secondMoment, double[] values) {
        DType dtype = state.elements().dtype();
        boolean tiny = dtype == DType.F8_E4M3;
        for (int from = 0; from < values.length; from += BLOCK) {
            double[] block = java.util.Arrays.copyOfRange(values, from, Math.min(values.length, from + BLOCK));
            for (int i = 0; i < block.length; i++) {
                block[i] = tiny && secondMoment ? Math.sqrt(block[i]) : block[i];
            }
            double scale = state.scales() == null ? 1 : scale(dtype, block);
            for (int i = 0; i < block.length; i++) {
                double scaled = block[i] / scale;
                scaled = tiny && secondMoment && block[i] > 0 ? Math.max(scaled, Math.pow(2, -9)) : scaled;
                new Cells(state.elements()).set(from + i, tiny ? e4m3(scaled) : scaled);
            }
            if (state.scales() != null) {
                new Cells(state.scales()).set(from / BLOCK, scale);
            }
        }
    }

    /** The power of two that brings the largest magnitude, rounded, to [2^14, 2^15) or [2^7, 2^8). */
    private static double scale(DType dtype, double[] block) {
        double largest = java.util.Arrays.stream(block).map(Math::abs).max().orElse(0);
        if (largest == 0) {
            return 1;
        }
        int top = dtype == DType.F16 ? 14 : 7;
        for (int exponent = 127; ; exponent--) {
            double scale = Math.pow(2, exponent);
            if (narrow(dtype, largest / scale) >= Math.pow(2, top) || exponent == -100) {
                return scale;
            }
        }
    }

    /** Rounds a main weight to a value: BF16 with ties away from zero. */
    static void round(Tensor value, long at, double weight) {
        int bits = Float.floatToRawIntBits((float) weight);
        int low = bits & 0xffff;
        double down = Float.intBitsToFloat(bits - low);
        double up = Float.intBitsToFloat(bits - low + 0x10000);
        new Cells(value).set(at, value.dtype() == DType.BF16 ? low < 0x8000 ? down : up : weight);
    }

    /** The one of the two neighbours in BF16 that bits choose: the one further from zero where they are no fewer than its distance in units of the last place of 32 bits. */
    static double byChance(float result, int bits) {
        int low = Float.floatToRawIntBits(result) & 0xffff;
        float near = Float.intBitsToFloat(Float.floatToRawIntBits(result) - low);
        float far = Float.intBitsToFloat(Float.floatToRawIntBits(near) + 0x10000);
        if (!Float.isFinite(result)) {
            return result;
        }
        return low > 0 && bits >= 0x10000 - low && Float.isFinite(far) ? far : near;
    }

    /** The 16 bits of an element of a range. */
    static int bits(StochasticRounding rounding, long element, long step) {
        LongBuffer numbers = ((ByteBuffer) rounding.numbers().view()).asLongBuffer();
        long flat = rounding.first() + element;
        long number = 0;
        for (int row = 0; row < rounding.numbers().rows(); row++) {
            if (numbers.get(2 * row) <= flat) {
                number = numbers.get(2 * row + 1) + flat - numbers.get(2 * row);
            }
        }
        int[] words = {(int) (number >>> 3), (int) (number >>> 35), (int) step, (int) (step >>> 32)};
        Philox.block(words, (int) rounding.seed(), (int) (rounding.seed() >>> 32), words);
        int word = words[(int) (number >>> 1 & 3)];
        return number % 2 == 0 ? word & 0xffff : word >>> 16;
    }

    static double[] mainWeights(AdamWTensors tensors) {
        if (!tensors.hasRemainder()) {
            return read(tensors.main() == null ? StateTensor.plain(tensors.value()) : tensors.main(), false);
        }
        double[] weights = new double[(int) tensors.value().elements()];
        for (int i = 0; i < weights.length; i++) {
            int low = (int) new Cells(tensors.main().elements()).get(i);
            int high = Float.floatToRawIntBits((float) new Cells(tensors.value()).get(i)) >>> 16;
            weights[i] = Float.intBitsToFloat((low < 0x8000 ? high : high - 1) << 16 | low);
        }
        return weights;
    }

    static void mainWeights(AdamWTensors tensors, double[] weights, long step) {
        if (tensors.rounding() != null) {
            for (int i = 0; i < weights.length; i++) {
                new Cells(tensors.value()).set(i, byChance((float) weights[i], bits(tensors.rounding(), i, step)));
            }
            return;
        }
        if (tensors.main() == null) {
            write(StateTensor.plain(tensors.value()), false, weights);
            return;
        }
        for (int i = 0; i < weights.length; i++) {
            round(tensors.value(), i, weights[i]);
            if (tensors.hasRemainder()) {
                new Cells(tensors.main().elements()).set(i, Float.floatToRawIntBits((float) weights[i]) & 0xffff);
            }
        }
        if (!tensors.hasRemainder()) {
            write(tensors.main(), false, weights);
        }
    }
}
