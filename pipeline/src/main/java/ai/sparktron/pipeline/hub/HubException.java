package ai.sparktron.pipeline.hub;

/** A repository or file could not be had; the message says which, why, and what to do. */
public class HubException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public HubException(String message) {
        super(message);
    }

    public HubException(String message, Throwable cause) {
        super(message, cause);
    }

    /** The hub could not be reached at all; a cached copy may serve instead. */
    public static final class Unreachable extends HubException {
        private static final long serialVersionUID = 1L;

        public Unreachable(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
