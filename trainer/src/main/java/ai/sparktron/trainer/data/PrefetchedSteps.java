package ai.sparktron.trainer.data;

import java.util.NoSuchElementException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * Reads steps ahead on a thread of its own, at most {@code depth} of them, and hands them over in order. What goes wrong there is thrown here, at the
 * step it belongs to and at every call after it; steps read before it are still given out.
 */
public final class PrefetchedSteps implements StepSource {

    private static final long CLOSE_MILLIS = 10_000;

    /** One step, or the end ({@code step} and {@code failure} null), or a failure. */
    private record Item(StepData step, Throwable failure) {
    }

    private final StepSource inner;
    private final BlockingQueue<Item> queue;
    private final Thread thread;
    private volatile boolean closed;
    private Item head;

    /** Starts reading at once; takes over {@code inner} and closes it. */
    public PrefetchedSteps(StepSource inner, int depth) {
        this.inner = inner;
        queue = new ArrayBlockingQueue<>(depth);
        thread = new Thread(this::readAhead, "sparktron-data");
        thread.setDaemon(true);
        thread.start();
    }

    private void readAhead() {
        try {
            Item last;
            try {
                while (!closed && inner.hasNext()) {
                    queue.put(new Item(inner.next(), null));
                }
                last = new Item(null, null);
            } catch (InterruptedException e) {
                throw e;
            } catch (Throwable e) {
                // Errors too: an OutOfMemoryError here must stop training, not leave it waiting.
                last = new Item(null, e);
            }
            queue.put(last);
        } catch (InterruptedException e) {
            // Only close() interrupts this thread, and then nobody waits.
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public boolean hasNext() {
        if (closed) {
            throw new IllegalStateException("the data is closed");
        }
        if (head == null) {
            try {
                head = queue.take();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while waiting for data", e);
            }
        }
        if (head.failure() != null) {
            throw rethrown(head.failure());
        }
        return head.step() != null;
    }

    private static RuntimeException rethrown(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        return failure instanceof RuntimeException exception ? exception : new IllegalStateException("reading data failed: " + failure, failure);
    }

    @Override
    public StepData next() {
        if (!hasNext()) {
            throw new NoSuchElementException("there are no more steps");
        }
        StepData step = head.step();
        head = null;
        return step;
    }

    /** Stops the thread, waits for it, and closes what it read from. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        thread.interrupt();
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        inner.close();
    }
}
