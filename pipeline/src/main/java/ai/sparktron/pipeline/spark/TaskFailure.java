package ai.sparktron.pipeline.spark;

import java.util.function.Supplier;

/** Brings an error that a person can act on out of the failure of a Spark job, instead of the stack of the task it happened in. */
final class TaskFailure {

    private TaskFailure() {
    }

    /** Runs an action; a {@link DatasetException} of a task is thrown as it was. */
    static <T> T explained(Supplier<T> action) {
        try {
            return action.get();
        } catch (Exception failure) {
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
                if (cause instanceof DatasetException known) {
                    throw known;
                }
            }
            throw failure;
        }
    }
}
