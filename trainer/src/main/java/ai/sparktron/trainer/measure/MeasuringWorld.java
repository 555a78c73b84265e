package ai.sparktron.trainer.measure;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.GroupCommunicator;
import ai.sparktron.trainer.comm.World;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One rank of a world whose other ranks are not there: nothing is exchanged, and what would be is counted. */
public final class MeasuringWorld implements World {

    private final int rank;
    private final int size;
    private final Map<String, CountingCommunicator> groups = new LinkedHashMap<>();

    /** @param rank the one that is measured, from 0 */
    public MeasuringWorld(int rank, int size) {
        if (rank < 0 || rank >= size) {
            throw new IllegalArgumentException("rank " + rank + " of a world of " + size);
        }
        this.rank = rank;
        this.size = size;
    }

    /** What went over each group so far, groups without traffic left out. */
    public List<Traffic> traffic() {
        List<Traffic> all = new ArrayList<>();
        groups.values().forEach(group -> all.addAll(group.traffic()));
        return List.copyOf(all);
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public Communicator group(String name, List<Integer> ranks) {
        return groups.computeIfAbsent(name, key -> {
            GroupCommunicator.checkMembers(name, rank, size, ranks);
            return new CountingCommunicator(name, rank, ranks, Traffic.Place.BETWEEN_KERNELS);
        });
    }

    @Override
    public BackgroundCollectives background(String name, List<Integer> ranks) {
        CountingCommunicator group = new CountingCommunicator(name, rank, ranks, Traffic.Place.BESIDE_KERNELS);
        groups.put(name, group);
        return group.inBackground();
    }

    @Override
    public void abort(Throwable cause) {
        throw new IllegalStateException("a measurement failed", cause);
    }

    @Override
    public void requireAlive() {
        // Nobody can fail.
    }

    @Override
    public void close() {
        groups.clear();
    }
}
