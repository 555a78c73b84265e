package ai.sparktron.trainer.comm;

import java.util.List;
import java.util.stream.IntStream;

/**
 * All ranks of one attempt, seen from one of them. Groups are cut out of it; a failure of one rank reaches every group of every rank.
 */
public interface World extends CommunicatorFactory, AutoCloseable {

    /** This rank, from 0. */
    int rank();

    /** Number of ranks. */
    int size();

    /** The group of all ranks, in order. */
    default Communicator all(String name) {
        return group(name, IntStream.range(0, size()).boxed().toList());
    }

    /** This rank's end of a group; asking twice with the same name gives the same communicator. */
    @Override
    Communicator group(String name, List<Integer> ranks);

    /**
     * Collectives of some ranks that run beside the device thread's work. All members ask for them.
     *
     * @param name of a group that nothing else uses
     */
    default BackgroundCollectives background(String name, List<Integer> ranks) {
        return new CollectiveThread(group(name, ranks));
    }

    /**
     * Ends all communication of all ranks, for good: every blocked and every later call throws a {@link CommunicatorAbortedException} that names the
     * first cause given by any rank. May be called from any thread, at any time, more than once (later causes are ignored).
     */
    void abort(Throwable cause);

    /**
     * Looks whether the world still works, without waiting. May be called from any thread.
     *
     * @throws CommunicatorAbortedException after an abort by any rank that this one has heard of
     */
    void requireAlive();

    /** Leaves the world. Peers that still need this rank get an error that says that it left. Groups need not be closed one by one. */
    @Override
    void close();
}
