package ai.sparktron.trainer.comm;

import java.util.List;

/** The world was aborted; the message names the first cause, which may have come from another rank. */
public final class CommunicatorAbortedException extends CommunicationException {
    private static final long serialVersionUID = 1L;

    private final int origin;

    /**
     * @param origin   world rank that aborted
     * @param suspects ranks that the cause points to
     */
    public CommunicatorAbortedException(int origin, String cause, List<Integer> suspects, Throwable throwable) {
        super("aborted by rank " + origin + ": " + cause, suspects, throwable);
        this.origin = origin;
    }

    /** One more exception of the same content, with the stack of the thread that now sees it. */
    public CommunicatorAbortedException again() {
        return new CommunicatorAbortedException(getMessage(), origin, suspects(), getCause());
    }

    private CommunicatorAbortedException(String message, int origin, List<Integer> suspects, Throwable throwable) {
        super(message, suspects, throwable);
        this.origin = origin;
    }

    /** An abort by this rank. The ranks that the cause points to are taken over, where it says so. */
    public static CommunicatorAbortedException by(int origin, Throwable cause) {
        return new CommunicatorAbortedException(origin, String.valueOf(cause),
                cause instanceof CommunicationException trouble ? trouble.suspects() : List.of(origin), cause);
    }

    /** World rank that aborted. */
    public int origin() {
        return origin;
    }
}
