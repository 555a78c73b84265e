package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;

/** A command failed; the message says all a user needs, and the code says whose turn it is. */
public final class CommandException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final ExitCode code;

    /**
     * A failure.
     *
     * @param cause null where the message says it all
     */
    public CommandException(ExitCode code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    /** How the process ends. */
    public ExitCode code() {
        return code;
    }
}
