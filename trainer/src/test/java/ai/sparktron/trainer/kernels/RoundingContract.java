package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Updates of BF16 weights that have no main weights beside them, rounded by chance. */
abstract class RoundingContract extends OptimizerContract {

    private static final long SEED = 0x1234_5678_9abc_def0L;
    /** First elements and numbers of three stretches. */
    private static final long[] NUMBERS = {0, 64, 304, -0x1234_5678_9abc_def0L, 4096, 0x7fff_ffff_ffff_fff8L};

    private StochasticRounding rounding(Engine on, Arena.Frame in, long seed, long first) {
        Tensor numbers = in.tensor("numbers", DType.I64, NUMBERS.length / 2, 2);
        ByteBuffer bytes = ByteBuffer.allocate(NUMBERS.length * Long.BYTES).order(ByteOrder.nativeOrder());
        Arrays.stream(NUMBERS).forEach(bytes::putLong);
        on.write(numbers, bytes.flip());
        return new StochasticRounding(seed, numbers, first);
    }

    private AdamWTensors tensors(DType main, DType moments, float[] weights, StochasticRounding rounding) {
        int n = weights.length;
        StateTensor first = StateTensor.allocate(frame, "exp_avg", moments, n);
        StateTensor second = StateTensor.allocate(frame, "exp_avg_sq", moments, n);
        first.clear(engine.kernels());
        second.clear(engine.kernels());
        StateTensor kept = main == null ? null : StateTensor.allocate(frame, "main", main, n);
        Tensor value = TestTensors.of(engine, frame, "value", DType.BF16, new long[] {n}, weights);
        return new AdamWTensors(value, kept, first, second, rounding);
    }

    /** Weights that BF16 has. */
    private float[] weights(int size) {
        float[] weights = normals(size);
        for (int i = 0; i < size; i++) {
            weights[i] = HalfPrecision.fromBfloat16(HalfPrecision.toBfloat16(weights[i]));
        }
        return weights;
    }

    private Tensor gradient(float... numbers) {
        return TestTensors.floats(engine, frame, "gradient", new long[] {numbers.length}, numbers);
    }

    private Tensor one() {
        return gradient(1);
    }

    /** Every update steps by the learning rate, against the gradient's sign. */
    private static AdamWStep signed(float learningRate, long step) {
        return new AdamWStep(learningRate, 0, 0, 1e-12f, 0, step);
    }

    /** The result is known from the form with float32 main weights. */
    @ParameterizedTest
    @CsvSource({"F32, 0", "BF16, 8", "F8_E4M3, 128", "F32, 3", "F32, 4090"})
    void aValueIsTheNeighbourThatItsBitsChoose(DType moments, long first) {
        for (int size : new int[] {1, 13, 300, 5000}) {
            float[] weights = weights(size);
            AdamWTensors plain = tensors(DType.F32, moments, weights, null);
            AdamWTensors mine = tensors(null, moments, weights, rounding(engine, frame, SEED, first));
            StochasticRounding same = rounding(reference, referenceFrame(), SEED, first);
            for (int step = 1; step <= 3; step++) {
                AdamWStep scalars = new AdamWStep(1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, step);
                TestTensors.fill(engine, plain.main().elements(), TestTensors.read(engine, mine.value()));
                Tensor gradient = gradient(normals(size));
                engine.kernels().adamW(scalars, plain, gradient, one());
                engine.kernels().adamW(scalars, mine, gradient, one());
                float[] results = TestTensors.read(engine, plain.main().elements());
                float[] values = TestTensors.read(engine, mine.value());
                for (int i = 0; i < size; i++) {
                    assertEquals((float) ReferenceStates.byChance(results[i], ReferenceStates.bits(same, i, step)), values[i], "element " + i + " of " + size + ", step " + step
                            + ", from " + results[i]);
                }
            }
        }
    }

    /** Steps of a part of a unit in the last place, which rounding to nearest would lose. */
    @ParameterizedTest
    @CsvSource({"0.02", "0.3", "0.9"})
    void theMeanIsTheResult(double units) {
        int size = 1 << 16;
        float[] weights = new float[size];
        Arrays.fill(weights, 1);
        AdamWTensors mine = tensors(null, DType.F32, weights, rounding(engine, frame, SEED, 0));
        float[] gradients = new float[size];
        Arrays.fill(gradients, -1);
        engine.kernels().adamW(signed((float) (units * 0x1p-7), 1), mine, gradient(gradients), one());
        float[] values = TestTensors.read(engine, mine.value());
        int up = 0;
        for (float value : values) {
            assertTrue(value == 1 || value == 1 + 0x1p-7f, "no neighbour: " + value);
            up += value > 1 ? 1 : 0;
        }
        double deviation = Math.sqrt(units * (1 - units) * size);
        assertEquals(units * size, up, 5 * deviation, "weights that went up");
    }

    /** Ranks that share an update out have the bits of one rank, wherever their parts begin. */
    @Test
    void partsAreRoundedAsTheWholeIs() {
        float[] weights = weights(5000);
        float[] gradients = normals(5000);
        AdamWTensors whole = tensors(null, DType.F32, weights, rounding(engine, frame, SEED, 16));
        AdamWTensors parts = tensors(null, DType.F32, weights, rounding(engine, frame, SEED, 16));
        engine.kernels().adamW(signed(1e-3f, 7), whole, gradient(gradients), one());
        int[] borders = {0, 8, 13, 127, 128, 304, 1000, 4083, 4999, 5000};
        for (int i = 1; i < borders.length; i++) {
            int from = borders[i - 1];
            int count = borders[i] - from;
            AdamWTensors part = new AdamWTensors(parts.value().rows(from, count), null, parts.firstMoment().rows(from, count), parts.secondMoment().rows(from, count),
                    parts.rounding().at(from));
            engine.kernels().adamW(signed(1e-3f, 7), part, gradient(Arrays.copyOfRange(gradients, from, borders[i])), one());
        }
        assertArrayEquals(TestTensors.read(engine, whole.value()), TestTensors.read(engine, parts.value()));
    }

    /** The same update of other steps, runs and places is rounded in other ways; the same again in the same. */
    @Test
    void bitsAreOfStepSeedAndPlace() {
        float[] once = rounded(SEED, 0, 1);
        assertArrayEquals(once, rounded(SEED, 0, 1));
        assertUnlike(once, rounded(SEED, 0, 2));
        assertUnlike(once, rounded(SEED, 0, 1L + (1L << 32)));
        assertUnlike(once, rounded(SEED + 1, 0, 1));
        assertUnlike(once, rounded(SEED ^ 1L << 40, 0, 1));
        assertUnlike(once, rounded(SEED, 1024, 1));
    }

    /** Equal weights with steps of half a unit. */
    private float[] rounded(long seed, long first, long step) {
        float[] weights = new float[1000];
        Arrays.fill(weights, 1);
        AdamWTensors mine = tensors(null, DType.F32, weights, rounding(engine, frame, seed, first));
        float[] gradients = new float[1000];
        Arrays.fill(gradients, -1);
        engine.kernels().adamW(signed(0x1p-8f, step), mine, gradient(gradients), one());
        return TestTensors.read(engine, mine.value());
    }

    /** Of independent bits half are the same, give or take 5 deviations. */
    private static void assertUnlike(float[] some, float[] others) {
        long same = IntStream.range(0, some.length).filter(i -> some[i] == others[i]).count();
        assertEquals(some.length / 2.0, same, 5 * Math.sqrt(some.length) / 2, "values alike");
    }

    @Test
    void aWeightWithoutAnUpdateIsUntouched() {
        float[] weights = weights(512);
        float[] special = {0, -0f, 0x1p-133f, -0x1p-126f, 3.3895314e38f, -3.3895314e38f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN};
        System.arraycopy(special, 0, weights, 100, special.length);
        AdamWTensors mine = tensors(null, DType.F32, weights, rounding(engine, frame, SEED, 0));
        byte[] before = bytes(mine.value());
        engine.kernels().adamW(new AdamWStep(1e-3f, 0.9f, 0.95f, 1e-8f, 0, 1), mine, gradient(new float[512]), one());
        assertArrayEquals(before, bytes(mine.value()));
    }

    private byte[] bytes(Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocate((int) tensor.sizeBytes()).order(ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        return bytes.array();
    }

    /** Between the largest number and infinity there is nothing to choose. */
    @Test
    void aFiniteResultStaysFinite() {
        float largest = 3.3895314e38f;
        float[] weights = new float[256];
        Arrays.fill(weights, 0, 128, largest);
        Arrays.fill(weights, 128, 256, -largest);
        AdamWTensors mine = tensors(null, DType.F32, weights, rounding(engine, frame, SEED, 0));
        float[] gradients = new float[256];
        for (int i = 0; i < 256; i++) {
            gradients[i] = i < 128 ? -1 : 1;
        }
        gradients[7] = Float.NaN;
        engine.kernels().adamW(signed(6e35f, 1), mine, gradient(gradients), one());
        weights[7] = Float.NaN;
        assertArrayEquals(weights, TestTensors.read(engine, mine.value()));
    }
}
