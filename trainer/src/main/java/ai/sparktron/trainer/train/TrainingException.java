package ai.sparktron.trainer.train;

/** Training cannot go on, and trying again would not help: a loss or gradient that is not finite, data that do not fit. The message says what and what to do. */
public final class TrainingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public TrainingException(String message) {
        super(message);
    }

    public TrainingException(String message, Throwable cause) {
        super(message, cause);
    }
}
