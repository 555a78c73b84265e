package ai.sparktron.jobs.cli;

/** How a command ended, as the exit code of the process. */
public enum ExitCode {
    /** Done. */
    OK(0),
    /** What was asked for, or the data, is wrong; or a check found a difference. Asking again without a change will not help. */
    REFUSED(1),
    /** Training itself failed. */
    TRAINING(2),
    /** Machines, Spark or storage failed. */
    INFRASTRUCTURE(3);

    private final int code;

    ExitCode(int code) {
        this.code = code;
    }

    /** The code of the process. */
    public int code() {
        return code;
    }
}
