package ai.sparktron.pipeline.spark;

/** A dataset, or an option about datasets, cannot be used: what, where, expected, what to do. */
public final class DatasetException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public DatasetException(String message) {
        super(message);
    }

    public DatasetException(String message, Throwable cause) {
        super(message, cause);
    }
}
