package ai.sparktron.pipeline.dataset;

/** A row's fault on its way up: thrown while a row is read or rendered, and by {@code strict} runs. */
public final class BadRowException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient BadRow badRow;

    public BadRowException(BadRow badRow) {
        super(badRow.reason() + ": " + badRow.message());
        this.badRow = badRow;
    }

    public BadRowException(BadRow.Reason reason, String message) {
        this(new BadRow(reason, message));
    }

    public BadRowException(BadRow.Reason reason, String message, Throwable cause) {
        this(reason, message);
        initCause(cause);
    }

    public BadRow badRow() {
        return badRow;
    }
}
