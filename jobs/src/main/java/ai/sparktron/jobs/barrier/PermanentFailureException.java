package ai.sparktron.jobs.barrier;

/** A rank failed in a way that another attempt would repeat: a fault of the data or of the numbers, not of the cluster. */
public final class PermanentFailureException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public PermanentFailureException(String message, Throwable cause) {
        super(message, cause);
    }
}
