package ai.sparktron.trainer.measure;

import java.util.ArrayList;
import java.util.List;

/**
 * What one rank exchanged with a group in one way.
 *
 * @param group name of the group
 * @param ranks its members, by their number in the world
 * @param kind  the way
 * @param place whether kernels wait for it
 * @param calls number of calls
 * @param bytes of the whole tensors: what every rank has after gathering, had before scattering, or sent as messages
 */
public record Traffic(String group, List<Integer> ranks, Kind kind, Place place, double calls, double bytes) {

    /** Ways of exchange. */
    public enum Kind { ALL_REDUCE, REDUCE_SCATTER, ALL_GATHER, BROADCAST, ALL_TO_ALL, MESSAGE }

    /** Whether the device waits. */
    public enum Place { BETWEEN_KERNELS, BESIDE_KERNELS }

    public Traffic {
        ranks = List.copyOf(ranks);
    }

    /** What was exchanged between two looks at the same world. */
    public static List<Traffic> between(List<Traffic> earlier, List<Traffic> later) {
        List<Traffic> between = new ArrayList<>();
        for (Traffic now : later) {
            Traffic before = earlier.stream().filter(now::sameWay).findFirst().orElse(now.times(0));
            Traffic added = new Traffic(now.group, now.ranks, now.kind, now.place, now.calls - before.calls, now.bytes - before.bytes);
            if (added.calls > 0) {
                between.add(added);
            }
        }
        return List.copyOf(between);
    }

    private boolean sameWay(Traffic other) {
        return group.equals(other.group) && kind == other.kind && place == other.place;
    }

    /** So many times as much. */
    public Traffic times(double count) {
        return new Traffic(group, ranks, kind, place, calls * count, bytes * count);
    }

    /** Bytes that this rank sends where the members form a ring. */
    public double sentBytes() {
        int size = ranks.size();
        double share = (size - 1.0) / size;
        return switch (kind) {
            case ALL_REDUCE -> 2 * share * bytes;
            case REDUCE_SCATTER, ALL_GATHER, ALL_TO_ALL -> share * bytes;
            case BROADCAST, MESSAGE -> bytes;
        };
    }
}
