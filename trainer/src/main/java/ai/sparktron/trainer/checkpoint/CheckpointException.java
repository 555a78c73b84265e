package ai.sparktron.trainer.checkpoint;

import java.io.IOException;
import java.nio.file.AccessDeniedException;

/** A checkpoint that is missing, incomplete, damaged or does not fit. The message names directory, file and tensor, and the way out. */
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CheckpointException(String message) {
        super(message);
    }

    public CheckpointException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Whether trying again may help: a passing fault of a file system may, a full disk, a directory that cannot be written or damaged data will not. */
    public boolean mayPass() {
        boolean inputOutput = false;
        for (Throwable cause = getCause(); cause != null; cause = cause.getCause()) {
            String text = String.valueOf(cause.getMessage());
            if (cause instanceof AccessDeniedException || text.contains("No space left") || text.contains("quota exceeded")
                    || text.contains("Read-only file system")) {
                return false;
            }
            inputOutput |= cause instanceof IOException;
        }
        return inputOutput;
    }
}
