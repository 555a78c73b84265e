package ai.sparktron.jobs.barrier;

/** The driver has given this attempt up; the message says why. A rank that sees it ends, and is not the cause itself. */
public final class AttemptAbortedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public AttemptAbortedException(String message) {
        super(message);
    }
}
