package ai.sparktron.jobs.barrier;

import java.io.Serializable;

/**
 * What every rank runs. It is sent to the executors by Java serialization and runs on the task's thread.
 *
 * <p>It reports each step through {@link RankEnvironment#progress}, also the number of steps in all: a rank that returns before its last step while
 * others go on is a failure. It ends soon after {@link RankEnvironment#stopRequested()} turns true or its thread is interrupted.
 */
@FunctionalInterface
public interface RankProgram extends Serializable {

    /**
     * Runs one rank from the beginning or from {@link RankEnvironment#resumeFrom()}.
     *
     * @return the result; only rank 0's is brought to the driver, so it must be small. May be null
     * @throws PermanentFailureException when trying again cannot help, such as a fault of the data; {@link IllegalArgumentException}s and the
     *     trainer's {@code TrainingException}s are taken the same way
     */
    String run(RankEnvironment environment) throws Exception;
}
