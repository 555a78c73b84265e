package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.TestTensors;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every kernel for experts' products, the fastest or not, against the plain one. */
@Tag("gpu")
class CudaGroupedProductsTest {

    private static final int[] OFFSETS = {0, 200, 200, 201, 330};
    private static final int EXPERTS = OFFSETS.length - 1;
    private static final int ROWS = 336;
    private static final int INNER = 328;
    private static final int OUTER = 392;

    @TempDir
    Path folder;
    private final Random random = new Random(7);
    private CudaEngine.Foundation foundation;
    private CudaEngine engine;
    private Arena.Frame frame;

    @Test
    void allTilesGiveWhatThePlainKernelGives() {
        int tried = 0;
        CudaEngine.Settings settings = new CudaEngine.Settings(folder, false, false, CudaEngine.Attention.PLAIN, true);
        try (CudaEngine opened = new CudaEngine(0, settings, parts -> loops(parts), CudaAttention::of);
                StackArena arena = StackArena.growing("test", opened.memory(), 1 << 20); Arena.Frame open = arena.open("test")) {
            engine = opened;
            frame = open;
            float[][] plain = products(DType.F32, List.of());
            for (GroupedTiles tiles : GroupedTiles.fitting(foundation.device().capability(), foundation.device().sharedMemoryBytes(), EXPERTS)) {
                float[][] made = products(DType.BF16, List.of(tiles));
                for (int i = 0; i < made.length; i++) {
                    compare(tiles.code() + ", product " + i, plain[i], made[i]);
                }
                assertArrayEquals(made[2], products(DType.BF16, List.of(tiles))[2], tiles.code() + ": the same bits at every call");
                tried++;
            }
        }
        assertTrue(tried >= 3, tried + " kinds of tiles");
    }

    private DeviceProducts loops(CudaEngine.Foundation parts) {
        foundation = parts;
        return new LoopProducts(parts);
    }

    /** Forward, gradient of the input and of the weights, of numbers that bfloat16 has. */
    private float[][] products(DType type, List<GroupedTiles> tiles) {
        random.setSeed(7);
        Tensor offsets = TestTensors.ints(engine, frame, "offsets", OFFSETS);
        Tensor x = numbers("x", type, ROWS, INNER);
        Tensor dy = numbers("dy", type, ROWS, OUTER);
        Tensor w = numbers("w", type, EXPERTS * OUTER, INNER);
        Tensor out = frame.tensor("out", type, ROWS, OUTER);
        Tensor dx = frame.tensor("dx", type, ROWS, INNER);
        Tensor dW = frame.tensor("dW", DType.F32, (long) EXPERTS * OUTER, INNER);
        Tensor written = frame.tensor("written dW", type, (long) EXPERTS * OUTER, INNER);
        Tensor added = frame.tensor("added", type, ROWS, OUTER);
        Tensor dxAdded = frame.tensor("added dx", type, ROWS, INNER);
        for (Tensor result : List.of(out, dx, dW, written, added, dxAdded)) {
            engine.kernels().fill(result, 1);
        }
        try (GroupedProducts products = new GroupedProducts(foundation, experts -> tiles, false)) {
            products.multiply(x, offsets, w, Transpose.YES, out, Write.OVERWRITE);
            products.multiply(dy, offsets, w, Transpose.NO, dx, Write.OVERWRITE);
            products.multiply(x, offsets, w, Transpose.YES, added, Write.ACCUMULATE);
            products.multiply(dy, offsets, w, Transpose.NO, dxAdded, Write.ACCUMULATE);
            products.gradient(dy, x, offsets, dW, Write.ACCUMULATE);
            products.gradient(dy, x, offsets, written, Write.OVERWRITE);
            return new float[][] {TestTensors.read(engine, out), TestTensors.read(engine, dx), TestTensors.read(engine, dW), TestTensors.read(engine, written),
                TestTensors.read(engine, added), TestTensors.read(engine, dxAdded)};
        }
    }

    /** Rows behind the last expert's are no numbers: nothing may come of them. */
    private Tensor numbers(String name, DType type, int rows, int columns) {
        float[] values = new float[rows * columns];
        int theirs = rows == ROWS ? OFFSETS[EXPERTS] * columns : values.length;
        for (int i = 0; i < values.length; i++) {
            values[i] = i < theirs ? random.nextInt(257) / 128f - 1 : Float.NaN;
        }
        return TestTensors.of(engine, frame, name, type, new long[] {rows, columns}, values);
    }

    private static void compare(String what, float[] expected, float[] made) {
        assertEquals(expected.length, made.length);
        float largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < made.length; i++) {
            assertEquals(expected[i], made[i], largest * 0x1p-8f, what + ", element " + i);
        }
    }
}
