package ai.sparktron.jobs.barrier;

/** What ended an attempt. */
public enum FailureKind {
    /** Options, settings or the ranks' set-up do not fit: the same again would fail the same way. */
    CONFIGURATION(false, ExitCode.CONFIGURATION),
    /** A rank threw something that another attempt would repeat. */
    PERMANENT(false, ExitCode.TRAINING),
    /** A rank threw. */
    RANK_FAILED(true, ExitCode.TRAINING),
    /** A rank returned before its last step. */
    EARLY_RETURN(true, ExitCode.TRAINING),
    /** The process of a rank died. */
    EXECUTOR_LOST(true, ExitCode.INFRASTRUCTURE),
    /** A rank's heartbeats stopped. */
    SILENT(true, ExitCode.INFRASTRUCTURE),
    /** A rank was late in a collective, or its connection broke. */
    COMMUNICATION(true, ExitCode.INFRASTRUCTURE),
    /** Not all ranks came. */
    START(true, ExitCode.INFRASTRUCTURE),
    /** Spark ended the job and no rank said why. */
    JOB(true, ExitCode.INFRASTRUCTURE),
    /** Somebody cancelled the run. */
    CANCELLED(false, ExitCode.INFRASTRUCTURE);

    private final boolean retryable;
    private final ExitCode exitCode;

    FailureKind(boolean retryable, ExitCode exitCode) {
        this.retryable = retryable;
        this.exitCode = exitCode;
    }

    /** Whether another attempt may help. */
    public boolean isRetryable() {
        return retryable;
    }

    public ExitCode exitCode() {
        return exitCode;
    }
}
