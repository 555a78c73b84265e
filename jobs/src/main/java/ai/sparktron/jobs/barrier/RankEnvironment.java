package ai.sparktron.jobs.barrier;

import ai.sparktron.trainer.comm.World;
import java.util.Optional;

/** What a rank knows of where it runs, and how it talks to the driver. Methods may be called from any thread. */
public interface RankEnvironment {

    /** Logical rank, from 0, counted host by host; never the partition of the task. */
    int rank();

    /** Number of ranks. */
    int size();

    /** Place among the ranks of the same host, from 0. */
    int localRank();

    /** Host of the executor, as Spark names it. */
    String host();

    /** Index of the device: the address Spark gave the task, otherwise the place among the ranks of the host. */
    int device();

    /** Whether ranks are threads of the driver's process. */
    boolean isLocal();

    /** All ranks of this attempt; closed by the caller of the program. */
    World world();

    /** Number of this attempt, from 1. */
    int attempt();

    /** Unlike every other attempt's, fit for names of temporary files. */
    String attemptId();

    /** Newest committed checkpoint, when there is one: what {@link #committed} was last told, or what the run was started from. */
    Optional<String> resumeFrom();

    /** Tells the driver how far this rank is, with the next heartbeat; costs nothing. */
    void progress(Progress progress);

    /** Shows a line at the driver, with the next heartbeat. The last lines of a rank are part of the report when it fails. */
    void log(String line);

    /**
     * Asks whether this attempt may still publish a checkpoint. A rank of an attempt that the driver gave up must not.
     *
     * @throws AttemptAbortedException when it may not
     */
    void checkMayCommit();

    /** Tells the driver that a checkpoint is complete and durable: after a failure the next attempt starts from it. */
    void committed(long step, String location);

    /** Whether the attempt is over and the program should end. */
    boolean stopRequested();
}
