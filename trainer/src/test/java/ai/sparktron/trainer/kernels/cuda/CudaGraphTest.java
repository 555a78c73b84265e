package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Replay;
import ai.sparktron.trainer.kernels.TestTensors;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Work is recorded and replayed, anew when memory was freed, and run as it is where it cannot be recorded. */
@Tag("gpu")
class CudaGraphTest {

    private Engine engine;
    private StackArena arena;
    private Arena.Frame frame;
    private Tensor x;
    private Tensor sum;
    private final AtomicInteger runs = new AtomicInteger();

    @BeforeEach
    void open() {
        engine = CudaTestEngines.withLoopProducts();
        arena = StackArena.growing("test", engine.memory(), 1 << 16);
        frame = arena.open("test");
        x = TestTensors.floats(engine, frame, "x", new long[] {2, 3}, 1, 2, 3, 4, 5, 6);
        sum = TestTensors.floats(engine, frame, "sum", new long[] {2, 3}, 0, 0, 0, 0, 0, 0);
    }

    @AfterEach
    void close() {
        frame.close();
        arena.close();
        engine.close();
    }

    private void add() {
        runs.incrementAndGet();
        engine.kernels().scale(x, 2);
        engine.kernels().addScaled(1, x, sum);
    }

    private void assertSum(float times) {
        assertArrayEquals(new float[] {times, 2 * times, 3 * times, 4 * times, 5 * times, 6 * times}, TestTensors.read(engine, sum));
    }

    @Test
    void everyRunHasItsEffectOnce() {
        try (Replay replay = engine.replay("test", this::add)) {
            boolean[] recorded = {false, true, true, true};
            float total = 0;
            for (int run = 0; run < recorded.length; run++) {
                replay.run();
                total += 2 << run;
                assertEquals(recorded[run], replay.isRecorded(), "run " + run);
                assertSum(total);
            }
            assertEquals(2, runs.get(), "once as it is, once to be recorded");
            TestTensors.fill(engine, x, 0, 0, 0, 0, 0, 0);
            replay.run();
            assertSum(total);
        }
    }

    @Test
    void freedMemoryMeansAnotherRecording() {
        try (Replay replay = engine.replay("test", this::add)) {
            replay.run();
            replay.run();
            assertTrue(replay.isRecorded());
            Storage other = engine.memory().allocate(1 << 12, "other");
            replay.run();
            assertTrue(replay.isRecorded(), "more memory changes nothing");
            other.close();
            replay.run();
            assertFalse(replay.isRecorded());
            replay.run();
            assertTrue(replay.isRecorded());
            assertEquals(4, runs.get());
            assertSum(2 + 4 + 8 + 16 + 32);
        }
    }

    @Test
    void workThatAllocatesOrWaitsIsRunAsItIs() {
        Runnable allocating = () -> {
            add();
            engine.memory().allocate(256, "in the work").close();
        };
        Runnable waiting = () -> {
            add();
            engine.synchronize();
        };
        float total = 0;
        int power = 1;
        for (Runnable work : new Runnable[] {allocating, waiting}) {
            try (Replay replay = engine.replay("test", work)) {
                for (int run = 0; run < 3; run++) {
                    replay.run();
                    total += 1 << power++;
                    assertFalse(replay.isRecorded());
                    assertSum(total);
                }
            }
        }
    }

    @Test
    void aFailureInsideEndsTheRecording() {
        AtomicInteger failures = new AtomicInteger();
        try (Replay replay = engine.replay("test", () -> {
            add();
            if (runs.get() == 2) {
                throw new UnsupportedOperationException("failure " + failures.incrementAndGet());
            }
        })) {
            replay.run();
            assertThrows(UnsupportedOperationException.class, replay::run);
            assertEquals(1, failures.get());
            assertSum(2);
            replay.run();
            assertTrue(replay.isRecorded(), "the next attempt succeeds");
            assertSum(2 + 4);
        }
    }

    @Test
    void withoutGraphsNothingIsRecorded() {
        CudaEngine.Settings settings = CudaEngine.Settings.usual().withGraphs(false);
        assertFalse(settings.graphs());
        assertTrue(CudaEngine.Settings.usual().graphs());
        try (Engine plain = new CudaEngine(0, settings, LoopProducts::new, CudaAttention::of);
                Replay replay = plain.replay("test", runs::incrementAndGet)) {
            for (int run = 1; run <= 3; run++) {
                replay.run();
                assertEquals(run, runs.get());
                assertFalse(replay.isRecorded());
            }
        }
    }
}
