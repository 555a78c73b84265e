package ai.sparktron.jobs.barrier;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Ends an executor's process after a failed rank: native libraries keep state (a device context, half-dead communicators, device memory) that a new
 * attempt in the same process would meet. The cluster manager starts a fresh one.
 */
final class JvmRetirement {

    /** Status of a halted executor; Spark's own reaper uses the same. */
    static final int STATUS = 57;

    private static final AtomicBoolean SCHEDULED = new AtomicBoolean();

    private JvmRetirement() {
    }

    /** Halts this process soon, so that word of the failure can reach the driver first. */
    static void schedule(Duration delay) {
        if (SCHEDULED.compareAndSet(false, true)) {
            Thread thread = new Thread(() -> {
                try {
                    Thread.sleep(delay.toMillis());
                } catch (InterruptedException now) {
                    Thread.currentThread().interrupt();
                }
                Runtime.getRuntime().halt(STATUS);
            }, "jvm-retirement");
            thread.setDaemon(true);
            thread.start();
        }
    }
}
