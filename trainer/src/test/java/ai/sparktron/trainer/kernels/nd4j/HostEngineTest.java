package ai.sparktron.trainer.kernels.nd4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TestTensors;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the CPU engine promises besides its kernels. */
class HostEngineTest {

    @Test
    void blocksAreAlignedAndViewsEndWithThem() {
        try (Engine engine = Nd4jEngines.open(Nd4jEngines.Face.HOST)) {
            Storage block = engine.memory().allocate(1001, "test");
            assertEquals(0, block.address() % 256);
            assertEquals(8, ((ByteBuffer) block.view(992, 8)).remaining());
            assertThrows(IllegalStateException.class, () -> block.view(1000, 8));
            block.close();
            assertThrows(IllegalStateException.class, () -> block.view(0, 1));
            assertThrows(IllegalStateException.class, block::close);
            assertTrue(engine.freeBytes() > 0);
            assertTrue(engine.supports(DType.F32) && engine.supports(DType.BF16) && !engine.supports(DType.F8_E4M3));
        }
    }

    @Test
    void noMemoryNamesWhatItWasFor() {
        try (Engine engine = Nd4jEngines.open(Nd4jEngines.Face.HOST)) {
            String message = assertThrows(OutOfDeviceMemoryException.class, () -> engine.memory().allocate(1L << 46, "parameters")).getMessage();
            assertTrue(message.contains("for parameters") && message.contains("micro_batch_size"), message);
        }
    }

    /** Ranks of one machine may be threads of one process: none sees another's numbers, and all get the bits of a rank alone. */
    @Test
    void twoEnginesOnTwoThreadsGiveTheBitsOfOne() throws Exception {
        float[] alone = attendAndMultiply();
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            Callable<float[]> work = HostEngineTest::attendAndMultiply;
            for (Future<float[]> result : threads.invokeAll(List.of(work, work, work, work))) {
                assertArrayEquals(alone, result.get());
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static float[] attendAndMultiply() {
        try (Engine engine = Nd4jEngines.open(Nd4jEngines.Face.HOST); StackArena arena = StackArena.growing("test", engine.memory(), 1 << 20);
                Arena.Frame frame = arena.open("test")) {
            Kernels kernels = engine.kernels();
            Tensor x = frame.tensor("x", DType.F32, 300, 96);
            Tensor heads = frame.tensor("heads", DType.F32, 300, 32);
            Tensor out = frame.tensor("out", DType.F32, 32, 96);
            kernels.fillNormal(x, 5, 0, 0, 96, 0, 1);
            kernels.fill(out, 0);
            TokenLayout layout = TestTensors.documents(engine, frame, 100, 200);
            for (int i = 0; i < 50; i++) {
                kernels.attention(x.columns(0, 32), x.columns(32, 32), x.columns(64, 32), new AttentionShape(2, 2, 16, 16, 0.25f), layout, layout,
                        heads, null);
                kernels.matmul(heads, Transpose.YES, x, Transpose.NO, out, Write.ACCUMULATE);
            }
            return TestTensors.read(engine, out);
        }
    }

    /** A matrix of 2.5 GB and flat buffers of 2.2 GB: 12 GB of memory, so on request only. */
    @Test
    @Tag("trial")
    void tensorsOfMoreThanTwoGigabytes() {
        try (Engine engine = Nd4jEngines.open(Nd4jEngines.Face.HOST); StackArena arena = StackArena.growing("large", engine.memory(), 1 << 20);
                Arena.Frame frame = arena.open("large")) {
            Kernels kernels = engine.kernels();
            Tensor table = frame.tensor("table", DType.F32, 152_000, 4096);
            Tensor ids = TestTensors.ints(engine, frame, "ids", 0, 151_999, 70_000, 151_999);
            Tensor out = frame.tensor("out", DType.F32, 4, 4096);
            kernels.fill(table, 2);
            kernels.scale(table.rows(151_000, 1000), 3);
            kernels.embedding(ids, table, 0, out);
            kernels.embeddingGrad(ids, out, 0, table);
            kernels.embedding(ids, table, 0, out);
            float[] rows = TestTensors.read(engine, out);
            assertArrayEquals(new float[] {4, 18, 4, 18}, new float[] {rows[0], rows[2 * 4096 - 1], rows[2 * 4096], rows[4 * 4096 - 1]});
            Tensor value = frame.tensor("value", DType.F32, 550_000_000);
            Tensor gradient = frame.tensor("gradient", DType.F32, 550_000_000);
            Tensor first = frame.tensor("m", DType.F32, 550_000_000);
            Tensor second = frame.tensor("v", DType.F32, 550_000_000);
            Tensor number = TestTensors.floats(engine, frame, "number", new long[] {1}, 0);
            for (Tensor tensor : List.of(value, first, second)) {
                kernels.fill(tensor, 0);
            }
            kernels.fillUniform(gradient, 1, 0, 0, 550_000_000, 1, 1);
            kernels.sumOfSquares(gradient, number, Write.OVERWRITE);
            assertEquals(550_000_000f, TestTensors.read(engine, number)[0]);
            kernels.fill(number, 1);
            kernels.adamW(new AdamWStep(0.5f, 0.9f, 0.95f, 1e-8f, 0, 1), AdamWTensors.float32(value, first, second), gradient, number);
            assertEquals(-0.5f, TestTensors.read(engine, value.rows(549_999_999, 1))[0], 1e-6);
            assertFalse(TestTensors.read(engine, first.rows(549_999_999, 1))[0] == 0);
        }
    }
}
