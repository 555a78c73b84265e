package ai.sparktron.notebooks.runner;

/** A note that does not run. */
public final class NoteException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    NoteException(String message) {
        super(message);
    }
}
