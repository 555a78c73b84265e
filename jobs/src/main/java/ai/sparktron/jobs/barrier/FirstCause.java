package ai.sparktron.jobs.barrier;

/**
 * Finds the first cause among failures that arrive in any order. When a process dies, its peers see broken connections before Spark says that the
 * executor is gone; so a failure that only points at another rank waits a moment for word of that rank itself. Guarded by the coordinator.
 */
final class FirstCause {

    private final long settleMillis;
    private FailureReport cause;
    private FailureReport hint;
    private long hintNanos;
    private int failures;

    FirstCause(long settleMillis) {
        this.settleMillis = settleMillis;
    }

    /** A failure that speaks for itself. */
    void primary(FailureReport report) {
        failures++;
        if (cause == null) {
            cause = report;
        }
    }

    /** A failure that follows from another rank's. */
    void secondary(FailureReport report, long nowNanos) {
        failures++;
        if (hint == null) {
            hint = report;
            hintNanos = nowNanos;
        }
    }

    /** Whether anything went wrong. */
    boolean isPresent() {
        return cause != null || hint != null;
    }

    /** The cause once it is certain, otherwise null. */
    FailureReport settled(long nowNanos) {
        if (cause == null && hint != null && (nowNanos - hintNanos) / 1_000_000 >= settleMillis) {
            cause = hint;
        }
        return cause;
    }

    /** The best there is. */
    FailureReport best() {
        FailureReport best = cause != null ? cause : hint;
        return best == null ? null : best.withLater(Math.max(0, failures - 1));
    }
}
