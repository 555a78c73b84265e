package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.config.Options;
import java.io.IOException;
import java.io.Serializable;

/**
 * What every rank of a command does in a process of its own, see {@link HostProcesses}.
 *
 * @param <R> what a rank has in the end
 */
interface HostTask<R extends Serializable> extends Serializable {

    /** Of the command: number of ranks, their GPUs, limits of time. */
    Options options();

    /** What a rank is called in messages: {@code trainer}. */
    String rankName();

    /** A rank's part; all ranks do it at the same time. */
    R run(HostPlace place) throws IOException;
}
