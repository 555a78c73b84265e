package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.SavedCheckpoint;
import ai.sparktron.trainer.train.metrics.EvaluationMetrics;
import ai.sparktron.trainer.train.metrics.StepMetrics;

/** Hears what a rank does while it does it; by itself it does nothing with it. Called by the rank's thread; must return soon. */
public interface RunListener {

    /** Phase of the first rank in which a complete save is about to become a checkpoint. A listener that throws here keeps it from becoming one. */
    String COMMITTING = "committing";

    /** A line for people: what is being done, with figures. Rank 0's go to the console. */
    default void line(String text) {
    }

    /** A step begins, in words that say what phase the rank is in; for heartbeats and watchdogs. */
    default void phase(long iteration, String phase) {
    }

    /** A report of one or more steps; rank 0 only. */
    default void step(StepMetrics metrics) {
    }

    /** An evaluation was made; rank 0 only. */
    default void evaluation(EvaluationMetrics metrics) {
    }

    /** A checkpoint is committed; rank 0 only. */
    default void saved(SavedCheckpoint checkpoint) {
    }
}
