package ai.sparktron.trainer.tensor;

/** An arena or an engine has no room left. The message says how much was asked for, by what, what holds the rest and which option frees how much. */
public final class OutOfDeviceMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public OutOfDeviceMemoryException(String message) {
        super(message);
    }

    public OutOfDeviceMemoryException(String message, Throwable cause) {
        super(message, cause);
    }
}
