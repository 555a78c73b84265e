package ai.sparktron.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class PrefetchedStepsTest {

    /** Counts up to {@code end}; then fails with {@code failure}, or ends. */
    private static final class Counting implements StepSource {
        private final AtomicInteger made = new AtomicInteger();
        private final AtomicBoolean closed = new AtomicBoolean();
        private final int end;
        private final Throwable failure;

        Counting(int end, Throwable failure) {
            this.end = end;
            this.failure = failure;
        }

        @Override
        public boolean hasNext() {
            return failure != null || made.get() < end;
        }

        @Override
        public StepData next() {
            if (made.get() == end) {
                if (failure instanceof Error error) {
                    throw error;
                }
                throw (RuntimeException) failure;
            }
            int step = made.incrementAndGet();
            return new StepData(List.of(), new DataCursor(step, 0, step, 1000, 0));
        }

        @Override
        public void close() {
            closed.set(true);
        }
    }

    @Test
    void handsStepsOverInOrderAndEnds() {
        Counting inner = new Counting(100, null);
        try (PrefetchedSteps steps = new PrefetchedSteps(inner, 3)) {
            for (int step = 1; step <= 100; step++) {
                assertTrue(steps.hasNext());
                assertEquals(step, steps.next().cursor().place());
            }
            assertFalse(steps.hasNext());
            assertThrows(NoSuchElementException.class, steps::next);
        }
        assertTrue(inner.closed.get());
    }

    @Test
    void readsAheadNoFurtherThanItsDepth() throws InterruptedException {
        Counting inner = new Counting(1000, null);
        try (PrefetchedSteps steps = new PrefetchedSteps(inner, 4)) {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (inner.made.get() < 5 && System.nanoTime() < deadline) {
                Thread.sleep(5);
            }
            Thread.sleep(50);
            // Four in the queue, one in the hands of the thread.
            assertEquals(5, inner.made.get());
            assertEquals(1, steps.next().cursor().place());
        }
    }

    @Test
    void whatGoesWrongIsThrownAtItsStepAndEverAfter() {
        for (Throwable failure : List.of(new IllegalStateException("row 17"), new OutOfMemoryError("heap"))) {
            try (PrefetchedSteps steps = new PrefetchedSteps(new Counting(2, failure), 8)) {
                assertEquals(1, steps.next().cursor().place());
                assertEquals(2, steps.next().cursor().place());
                assertSame(failure, assertThrows(Throwable.class, steps::next));
                assertSame(failure, assertThrows(Throwable.class, steps::hasNext));
            }
        }
    }

    @Test
    void closingStopsAThreadThatWaits() throws InterruptedException {
        CountDownLatch reading = new CountDownLatch(1);
        AtomicBoolean interrupted = new AtomicBoolean();
        StepSource stuck = new StepSource() {
            @Override
            public boolean hasNext() {
                return true;
            }

            @Override
            public StepData next() {
                reading.countDown();
                try {
                    Thread.sleep(600_000);
                    throw new IllegalStateException("nobody stopped the wait");
                } catch (InterruptedException e) {
                    interrupted.set(true);
                    throw new IllegalStateException(e);
                }
            }

            @Override
            public void close() {
                assertTrue(interrupted.get(), "closed while still being read");
            }
        };
        PrefetchedSteps steps = new PrefetchedSteps(stuck, 2);
        assertTrue(reading.await(30, TimeUnit.SECONDS));
        steps.close();
        assertTrue(interrupted.get());
        assertThrows(IllegalStateException.class, steps::hasNext);
        steps.close();
    }
}
