package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.MainWeights;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Updates of parameters in every form of their state. */
abstract class OptimizerContract extends AttentionContract {

    private static final int[] SIZES = {1, 13, 128, 300, 5000};

    /** One side's state of an update. */
    private final class States {
        final Engine engine;
        final AdamWTensors tensors;

        /** @param main null = float32 values */
        States(Engine engine, ai.sparktron.trainer.tensor.Arena.Frame frame, DType value, DType main, DType first, DType second, float[] weights) {
            this.engine = engine;
            int n = weights.length;
            Tensor values = frame.tensor("value", value, n);
            StateTensor kept = main == null ? null : StateTensor.allocate(frame, "main", main, n);
            this.tensors = new AdamWTensors(values, kept, StateTensor.allocate(frame, "exp_avg", first, n), StateTensor.allocate(frame, "exp_avg_sq", second, n));
            if (main == null) {
                TestTensors.fill(engine, values, weights);
            } else {
                kept.clear(engine.kernels());
                float[] rounded = new float[n];
                for (int i = 0; i < n; i++) {
                    rounded[i] = HalfPrecision.fromBfloat16(MainWeights.toBfloat16(weights[i]));
                }
                TestTensors.fill(engine, values, rounded);
                if (main == DType.F32) {
                    TestTensors.fill(engine, kept.elements(), weights);
                } else if (main == DType.I16) {
                    ByteBuffer low = ByteBuffer.allocate(2 * n).order(ByteOrder.nativeOrder());
                    for (float weight : weights) {
                        low.putShort(MainWeights.lowHalf(weight));
                    }
                    engine.write(kept.elements(), low.flip());
                }
            }
            tensors.firstMoment().clear(engine.kernels());
            tensors.secondMoment().clear(engine.kernels());
        }

        float[] weights() {
            if (tensors.main() == null) {
                return TestTensors.read(engine, tensors.value());
            }
            return tensors.hasRemainder() ? joined() : numbers(tensors.main(), false);
        }

        private float[] joined() {
            float[] values = TestTensors.read(engine, tensors.value());
            ByteBuffer low = bytes(tensors.main().elements());
            for (int i = 0; i < values.length; i++) {
                values[i] = MainWeights.join((short) (Float.floatToRawIntBits(values[i]) >>> 16), low.getShort());
            }
            return values;
        }

        ByteBuffer bytes(Tensor tensor) {
            ByteBuffer bytes = ByteBuffer.allocate((int) tensor.sizeBytes()).order(ByteOrder.nativeOrder());
            engine.read(tensor, bytes);
            return bytes.clear();
        }

        float[] numbers(StateTensor state, boolean roots) {
            if (state.scales() == null) {
                return TestTensors.read(engine, state.elements());
            }
            float[] scales = TestTensors.read(engine, state.scales());
            ByteBuffer elements = bytes(state.elements());
            float[] values = new float[(int) state.elements().elements()];
            boolean tiny = state.elements().dtype() == DType.F8_E4M3;
            for (int i = 0; i < values.length; i++) {
                double element = tiny ? ReferenceStates.e4m3(elements.get()) : HalfPrecision.fromFloat16(elements.getShort());
                values[i] = (float) (element * scales[i / 128]);
                values[i] *= tiny && roots ? values[i] : 1;
            }
            return values;
        }
    }

    private Tensor gradient(Engine on, boolean mine, DType dtype, float[] numbers) {
        return TestTensors.of(on, mine ? frame : referenceFrame(), "gradient", dtype, new long[] {numbers.length}, numbers);
    }

    /** Numbers of very different magnitude, as gradients are. */
    private float[] gradients(int size) {
        float[] values = normals(size);
        for (int i = 0; i < size; i++) {
            values[i] *= (float) Math.pow(10, -(i % 7));
        }
        return values;
    }

    /** Three updates; every state is as the reference's, to its own precision. */
    @ParameterizedTest
    @CsvSource({"F32,,F32,F32", "BF16,F32,F32,F32", "F16,F32,F32,F32", "BF16,I16,F32,F32", "BF16,I16,BF16,BF16", "BF16,F16,BF16,F16", "F16,F16,F16,F16",
        "BF16,F32,F8_E4M3,F8_E4M3", "F32,,F8_E4M3,F16", "F32,,BF16,F8_E4M3"})
    void adamWKeepsItsStateInAnyForm(DType value, DType main, DType first, DType second) {
        for (int size : SIZES) {
            for (DType gradientType : new DType[] {DType.F32, DType.BF16}) {
                float[] weights = normals(size);
                States mine = new States(engine, frame, value, main, first, second, weights);
                States expected = new States(reference, referenceFrame(), value, main, first, second, weights);
                Twin factor = vector("factor", 0.37f);
                for (int step = 1; step <= 3; step++) {
                    AdamWStep scalars = new AdamWStep(1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, step);
                    float[] numbers = gradients(size);
                    engine.kernels().adamW(scalars, mine.tensors, gradient(engine, true, gradientType, numbers), factor.mine);
                    reference.kernels().adamW(scalars, expected.tensors, gradient(reference, false, gradientType, numbers), factor.expected);
                }
                // One unit in the last place of the stored type may differ where a sum fell close to a tie, and an update made of it by as much.
                near("weights", mine.weights(), expected.weights(), ulp(main == null || main == DType.I16 ? DType.F32 : main), 3e-6 + 0.03 * Math.max(ulp(first), ulp(second)));
                near("first moment", mine.numbers(mine.tensors.firstMoment(), false), expected.numbers(expected.tensors.firstMoment(), false), ulp(first), 0.3 * ulp(first));
                near("second moment", mine.numbers(mine.tensors.secondMoment(), true), expected.numbers(expected.tensors.secondMoment(), true), 2 * ulp(second), 0);
                near("value", TestTensors.read(engine, mine.tensors.value()), TestTensors.read(reference, expected.tensors.value()), ulp(value),
                        3e-6 + 0.03 * Math.max(ulp(first), ulp(second)));
            }
        }
    }

    /** A unit in the last place, relative; float32 sums of our loops are some units wrong. */
    private static double ulp(DType dtype) {
        return switch (dtype) {
            case F32 -> 2e-6;
            case BF16 -> 0x1p-7;
            case F16 -> 0x1p-10;
            case F8_E4M3 -> 0x1p-3;
            default -> throw new IllegalArgumentException(dtype.name());
        };
    }

    /** Absolutely to the magnitude that {@link #gradients} has there, as moments are sums that cancel. */
    private static void near(String what, float[] values, float[] expected, double relative, double absolute) {
        assertEquals(expected.length, values.length);
        for (int i = 0; i < values.length; i++) {
            int at = i;
            assertTrue(Math.abs(values[i] - expected[i]) <= relative * Math.abs(expected[i]) * 1.001 + absolute * (what.contains("moment") ? Math.pow(10, -(at % 7)) : 1),
                    () -> what + " " + at + ": " + values[at] + ", expected " + expected[at]);
        }
    }

    /** Main weights as value and low half take half the memory and lose no bit. */
    @Test
    void aRemainderHoldsTheSameBitsAsFloat32MainWeights() {
        int size = 5000;
        float[] weights = normals(size);
        for (int i = 0; i < 64; i++) {
            weights[i] = Float.intBitsToFloat(Float.floatToRawIntBits(weights[i]) & 0xffff0000 | 0x8000); // Ties.
        }
        States plain = new States(engine, frame, DType.BF16, DType.F32, DType.F32, DType.F32, weights);
        States split = new States(engine, frame, DType.BF16, DType.I16, DType.F32, DType.F32, weights);
        assertArrayEquals(weights, split.weights(), "before");
        Twin factor = vector("factor", 0.37f);
        for (int step = 1; step <= 5; step++) {
            AdamWStep scalars = new AdamWStep(1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, step);
            Tensor gradient = gradient(engine, true, DType.F32, gradients(size));
            engine.kernels().adamW(scalars, plain.tensors, gradient, factor.mine);
            engine.kernels().adamW(scalars, split.tensors, gradient, factor.mine);
            assertArrayEquals(plain.weights(), split.weights(), "main weights after step " + step);
            assertArrayEquals(plain.bytes(plain.tensors.value()).array(), split.bytes(split.tensors.value()).array(), "values after step " + step);
        }
    }

    /** Parts of a state are updated as the whole is: scales are of blocks, and parts begin at blocks. */
    @Test
    void partsOfAScaledStateAreUpdatedOnTheirOwn() {
        float[] weights = normals(640);
        float[] numbers = gradients(640);
        States whole = new States(engine, frame, DType.BF16, DType.F16, DType.F8_E4M3, DType.F8_E4M3, weights);
        States parts = new States(engine, frame, DType.BF16, DType.F16, DType.F8_E4M3, DType.F8_E4M3, weights);
        Tensor gradient = gradient(engine, true, DType.F32, numbers);
        Tensor factor = vector("factor", 0.5f).mine;
        AdamWStep scalars = new AdamWStep(1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 1);
        engine.kernels().adamW(scalars, whole.tensors, gradient, factor);
        for (long[] part : new long[][] {{0, 256}, {256, 384}}) {
            AdamWTensors here = new AdamWTensors(parts.tensors.value().rows(part[0], part[1]), parts.tensors.main().rows(part[0], part[1]),
                    parts.tensors.firstMoment().rows(part[0], part[1]), parts.tensors.secondMoment().rows(part[0], part[1]));
            engine.kernels().adamW(scalars, here, gradient.rows(part[0], part[1]), factor);
        }
        assertArrayEquals(whole.weights(), parts.weights());
        assertArrayEquals(whole.numbers(whole.tensors.secondMoment(), true), parts.numbers(parts.tensors.secondMoment(), true));
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, names = {"F32", "F64"})
    void theFactorIsTheMeansAndTheClippings(DType dtype) {
        double[][] cases = {{9, 2, 0}, {9, 2, 1}, {9, 2, 5}, {0, 0, 1}, {0, 7, 1}, {1e-30, 1e6, 0.5}, {1e30, 1, 1}, {Double.NaN, 2, 1},
            {Double.POSITIVE_INFINITY, 2, 1}, {Double.POSITIVE_INFINITY, 2, 0}, {Double.NaN, 0, 1}};
        for (double[] each : cases) {
            Tensor squares = TestTensors.of(engine, frame, "squares", dtype, new long[] {1}, (float) each[0]);
            Tensor same = TestTensors.of(reference, referenceFrame(), "squares", dtype, new long[] {1}, (float) each[0]);
            Twin factor = vector("factor", 5);
            Twin norm = vector("norm", 5);
            engine.kernels().gradientFactor(squares, each[1], each[2], factor.mine, norm.mine);
            reference.kernels().gradientFactor(same, each[1], each[2], factor.expected, norm.expected);
            float mine = TestTensors.read(engine, factor.mine)[0];
            float wanted = TestTensors.read(reference, factor.expected)[0];
            assertEquals(Double.isFinite(each[0]), Float.isFinite(mine), "finite: " + java.util.Arrays.toString(each));
            assertTrue(Float.isNaN(mine) || Math.abs(mine - wanted) <= 1e-6 * Math.abs(wanted), mine + ", expected " + wanted);
            float length = TestTensors.read(engine, norm.mine)[0];
            float length2 = TestTensors.read(reference, norm.expected)[0];
            assertTrue(length == length2 || !Float.isFinite(length) && !Float.isFinite(length2) || Math.abs(length - length2) <= 1e-6 * length2, length + ", expected " + length2);
        }
    }

    /** A step that overflowed must leave nothing behind, whatever the device has enqueued after it. */
    @Test
    void nothingIsUpdatedWhereTheFactorIsNotFinite() {
        float[] weights = normals(300);
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            States states = new States(engine, frame, DType.BF16, DType.I16, DType.BF16, DType.F8_E4M3, weights);
            Tensor factor = vector("factor", bad).mine;
            Tensor gradient = gradient(engine, true, DType.F32, normals(300));
            List<byte[]> before = all(states);
            engine.kernels().adamW(new AdamWStep(1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 1), states.tensors, gradient, factor);
            List<byte[]> after = all(states);
            for (int i = 0; i < before.size(); i++) {
                assertArrayEquals(before.get(i), after.get(i), "state " + i + " with " + bad);
            }
            Twin value = normalVector("value", 300);
            Twin moment = normalVector("moment", 300);
            engine.kernels().sgd(0.1f, 0.9f, 0.01f, value.mine, gradient, factor, moment.mine, null);
            value.check("sgd with " + bad, 0);
            moment.check("momentum with " + bad, 0);
        }
    }

    private static List<byte[]> all(States states) {
        List<byte[]> all = new ArrayList<>();
        for (Tensor tensor : new Tensor[] {states.tensors.value(), states.tensors.main().elements(), states.tensors.firstMoment().elements(),
            states.tensors.secondMoment().elements(), states.tensors.secondMoment().scales()}) {
            all.add(states.bytes(tensor).array());
        }
        assertFalse(all.isEmpty());
        return all;
    }

    @Test
    void threeStepsOfSgd() {
        for (int size : SIZES) {
            Twin value = normalVector("value", size);
            Twin moment = vector("moment", new float[size]);
            Twin factor = vector("factor", 0.37f);
            Twin copy = new Twin(TestTensors.of(engine, frame, "copy", DType.BF16, new long[] {size}, new float[size]),
                    TestTensors.of(reference, referenceFrame(), "copy", DType.BF16, new long[] {size}, new float[size]), 0, size);
            for (int step = 1; step <= 3; step++) {
                Twin gradient = normalVector("gradient", size);
                both((kernels, side) -> kernels.sgd(0.1f, 0.9f, 0.01f, side.of(value), side.of(gradient), side.of(factor), side.of(moment), side.of(copy)));
                value.checkRelative("sgd", 20);
                moment.checkRelative("momentum", 20);
            }
            assertEquals(HalfPrecision.fromBfloat16(MainWeights.toBfloat16(TestTensors.read(engine, value.mine)[0])), TestTensors.read(engine, copy.mine)[0]);
        }
    }
}
