package ai.sparktron.trainer.comm;

/** Members of a group made different calls. The message shows both. This is a fault of the program, not of the cluster. */
public final class CollectiveMismatchException extends CommunicationException {
    private static final long serialVersionUID = 1L;

    public CollectiveMismatchException(String message) {
        super(message);
    }
}
