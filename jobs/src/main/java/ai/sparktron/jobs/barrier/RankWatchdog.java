package ai.sparktron.jobs.barrier;

import java.io.IOException;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/**
 * A thread beside the rank's own: sends heartbeats and brings back the word to stop. Then it aborts the groups, interrupts the task, and, when the task
 * is still there after the grace, halts the process, because nothing else ends native code. In local mode it never halts: that process is the driver.
 */
final class RankWatchdog implements AutoCloseable {

    private static final Duration SHORTEST_PAUSE = Duration.ofMillis(50);

    private final RankSession session;
    private final BarrierSettings settings;
    private final boolean local;
    private final BooleanSupplier killed;
    private final Thread task;
    private final Thread thread;
    private boolean closed;
    private boolean moved;

    /** @param killed whether Spark wants the task to end */
    RankWatchdog(RankSession session, BarrierSettings settings, boolean local, BooleanSupplier killed) {
        this.session = session;
        this.settings = settings;
        this.local = local;
        this.killed = killed;
        this.task = Thread.currentThread();
        session.onProgress(this::moved);
        this.thread = new Thread(this::watch, "rank-" + session.rank() + "-watchdog");
        thread.setDaemon(true);
        thread.start();
    }

    /** The rank has made progress: the next heartbeat need not wait its whole interval, so that the driver knows the step when the rank dies. */
    synchronized void moved() {
        moved = true;
        notifyAll();
    }

    private void watch() {
        long heard = System.nanoTime();
        while (!isClosed(SHORTEST_PAUSE) && !isClosedOrMoved(settings.heartbeatInterval().minus(SHORTEST_PAUSE))) {
            String reason = null;
            try {
                reason = session.heartbeat();
                heard = System.nanoTime();
            } catch (IOException unreachable) {
                if ((System.nanoTime() - heard) / 1_000_000 > settings.heartbeatTimeout().toMillis()) {
                    reason = "the driver was not reached for " + settings.heartbeatTimeout().toSeconds() + " s: " + unreachable.getMessage();
                }
            }
            if (reason == null && killed.getAsBoolean()) {
                reason = "Spark has ended the task";
            }
            if (reason != null) {
                end(reason);
                return;
            }
        }
    }

    private void end(String reason) {
        session.stop(reason);
        interruptTask();
        long deadline = System.nanoTime() + settings.abortGrace().toNanos();
        while (System.nanoTime() < deadline) {
            if (isClosed(Duration.ofMillis(100))) {
                return;
            }
        }
        if (!local) {
            System.err.println("rank " + session.rank() + " does not end " + settings.abortGrace().toSeconds() + " s after: " + reason
                    + "; halting this process");
            Runtime.getRuntime().halt(JvmRetirement.STATUS);
        }
    }

    private synchronized void interruptTask() {
        if (!closed) {
            task.interrupt();
        }
    }

    private boolean isClosed(Duration pause) {
        return waits(pause, false);
    }

    private boolean isClosedOrMoved(Duration pause) {
        return waits(pause, true);
    }

    /** Waits until the pause is over, or the program has ended, or has moved. @return whether it has ended */
    private synchronized boolean waits(Duration pause, boolean untilMoved) {
        long deadline = System.nanoTime() + pause.toNanos();
        while (!closed && !(untilMoved && moved)) {
            long millis = (deadline - System.nanoTime()) / 1_000_000;
            if (millis <= 0) {
                return false;
            }
            try {
                wait(millis);
            } catch (InterruptedException interrupt) {
                return true;
            }
        }
        moved = moved && !untilMoved;
        return closed;
    }

    /** The program has ended: no interrupt and no halt comes after this. */
    @Override
    public synchronized void close() {
        closed = true;
        notifyAll();
    }
}
