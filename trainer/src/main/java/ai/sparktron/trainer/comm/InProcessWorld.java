package ai.sparktron.trainer.comm;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A world whose ranks are threads of one process. Collectives read the other ranks' memory directly: each rank reduces its part of the tensor over all
 * ranks and writes the result to all of them, so nothing is copied twice. A rank touches others' memory only while they wait in the same call, also
 * when the world is aborted in the middle, so memory may be freed as soon as a call has returned or thrown.
 */
public final class InProcessWorld implements World {

    private final InProcessHub hub;
    private final int rank;

    private InProcessWorld(InProcessHub hub, int rank) {
        this.hub = hub;
        this.rank = rank;
    }

    /**
     * The ends of a new world, by rank.
     *
     * @param collectiveTimeout how long a call waits for the other ranks
     */
    public static List<World> create(int size, Duration collectiveTimeout) {
        InProcessHub hub = new InProcessHub(size, collectiveTimeout);
        List<World> ends = new ArrayList<>();
        for (int rank = 0; rank < size; rank++) {
            ends.add(new InProcessWorld(hub, rank));
        }
        return List.copyOf(ends);
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return hub.size();
    }

    @Override
    public Communicator group(String name, List<Integer> ranks) {
        GroupCommunicator.checkMembers(name, rank, hub.size(), ranks);
        return hub.join(name, rank, ranks);
    }

    @Override
    public void abort(Throwable cause) {
        hub.abort(rank, cause);
    }

    @Override
    public void requireAlive() {
        synchronized (hub) {
            hub.checkAlive();
        }
    }

    @Override
    public void close() {
        hub.leave(rank);
    }
}
