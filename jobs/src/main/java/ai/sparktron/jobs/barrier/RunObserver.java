package ai.sparktron.jobs.barrier;

import java.util.List;

/** What the driver hears of a run. Calls come from the channel's threads, one at a time; they must be short. */
public interface RunObserver {

    /** All ranks of an attempt have come. */
    default void started(int attempt, List<RankPlace> places) {
    }

    /** A heartbeat. */
    default void progress(int rank, Progress progress) {
    }

    /** A line that a rank logged. */
    default void log(int rank, String line) {
    }

    /** A checkpoint is complete. */
    default void committed(long step, String location) {
    }

    /** An attempt failed. @param pauseMillis until the next one starts, or -1 when there is none */
    default void failed(FailureReport report, long pauseMillis) {
    }
}
