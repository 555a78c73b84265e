package ai.sparktron.jobs.barrier;

/** How the process of a run ends. */
public enum ExitCode {
    OK(0),
    /** Options or settings are wrong; nothing was started. */
    CONFIGURATION(1),
    /** Training itself failed: data, numbers, a fault of the program. */
    TRAINING(2),
    /** The cluster failed more often than the run may restart. */
    INFRASTRUCTURE(3);

    private final int status;

    ExitCode(int status) {
        this.status = status;
    }

    /** Status for {@link System#exit}. */
    public int status() {
        return status;
    }
}
