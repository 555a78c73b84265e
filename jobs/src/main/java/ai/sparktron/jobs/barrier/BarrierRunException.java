package ai.sparktron.jobs.barrier;

/** A run is over without a result; the message holds the first cause of the last attempt. */
public final class BarrierRunException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient FailureReport report;
    private final ExitCode exitCode;

    public BarrierRunException(String message, FailureReport report, Throwable cause) {
        super(message, cause);
        this.report = report;
        this.exitCode = report == null ? ExitCode.CONFIGURATION : report.kind().exitCode();
    }

    /** The first cause of the last attempt; null when nothing was started. */
    public FailureReport report() {
        return report;
    }

    public ExitCode exitCode() {
        return exitCode;
    }
}
