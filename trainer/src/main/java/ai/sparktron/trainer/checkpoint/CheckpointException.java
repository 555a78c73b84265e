package ai.sparktron.trainer.checkpoint;

/** A checkpoint that is missing, incomplete, damaged or does not fit. The message names directory, file and tensor, and the way out. */
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CheckpointException(String message) {
        super(message);
    }

    public CheckpointException(String message, Throwable cause) {
        super(message, cause);
    }
}
