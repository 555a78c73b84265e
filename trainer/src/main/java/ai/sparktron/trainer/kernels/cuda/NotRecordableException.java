package ai.sparktron.trainer.kernels.cuda;

/** Something waits for the device, moves memory of the host or allocates while launches are recorded: it would happen once, and not at every replay. */
final class NotRecordableException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    NotRecordableException(String what) {
        super(what + " while launches are recorded");
    }
}
