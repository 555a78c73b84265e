package ai.sparktron.jobs.barrier;

import ai.sparktron.jobs.barrier.ControlMessage.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Who has come to an attempt. When all are there, their GPUs and code are compared and they get logical ranks host by host, so that neighbouring ranks
 * share a host: Spark places partitions in any order. Guarded by the coordinator.
 */
final class Roster {

    private final int size;
    private final boolean sharedGpu;
    private final Map<Integer, RankPlace> arrivals = new TreeMap<>();
    private final Map<Integer, String> codes = new TreeMap<>();
    private final Map<Integer, String> addresses = new HashMap<>();
    private List<RankPlace> places = List.of();

    Roster(int size, boolean sharedGpu) {
        this.size = size;
        this.sharedGpu = sharedGpu;
    }

    boolean isComplete() {
        return !places.isEmpty();
    }

    /** Places in order of logical ranks; empty until all have come. */
    List<RankPlace> places() {
        return places;
    }

    int arrivals() {
        return arrivals.size();
    }

    List<Integer> missingPartitions() {
        List<Integer> missing = new ArrayList<>();
        for (int partition = 0; partition < size; partition++) {
            if (!arrivals.containsKey(partition)) {
                missing.add(partition);
            }
        }
        return missing;
    }

    /**
     * Takes a registration.
     *
     * @return whether this one completed the roster
     * @throws IllegalArgumentException when the ranks do not fit together
     */
    boolean register(ControlMessage message) {
        int partition = message.intField("partition");
        if (partition < 0 || partition >= size) {
            throw new IllegalArgumentException("partition " + partition + " of a job of " + size + " ranks");
        }
        RankPlace arrival = new RankPlace(-1, partition, message.field("host"), message.field("executor"), Long.parseLong(message.field("pid")),
                message.field("gpu"));
        arrivals.putIfAbsent(partition, arrival);
        codes.putIfAbsent(partition, message.field("code"));
        if (isComplete() || arrivals.size() < size) {
            return false;
        }
        checkGpus();
        checkCode();
        List<RankPlace> order = new ArrayList<>(arrivals.values());
        order.sort(Comparator.comparing(RankPlace::host).thenComparing(place -> number(place.executor())).thenComparing(RankPlace::executor)
                .thenComparing(place -> number(place.gpu())).thenComparing(RankPlace::gpu).thenComparing(RankPlace::partition));
        List<RankPlace> ranked = new ArrayList<>();
        for (RankPlace place : order) {
            ranked.add(new RankPlace(ranked.size(), place.partition(), place.host(), place.executor(), place.pid(), place.gpu()));
        }
        places = List.copyOf(ranked);
        return true;
    }

    private void checkGpus() {
        Map<String, RankPlace> seen = new HashMap<>();
        for (RankPlace place : arrivals.values()) {
            if (place.gpu().isEmpty() || sharedGpu) {
                continue;
            }
            for (String address : place.gpu().split(",")) {
                RankPlace other = seen.putIfAbsent(place.host() + "/" + address, place);
                if (other != null) {
                    throw new IllegalArgumentException("GPU " + address + " of host " + place.host() + " was given to two tasks, in executors "
                            + other.executor() + " and " + place.executor() + "; expected one GPU per rank. Check the discovery scripts of the"
                            + " workers and spark.task.resource.gpu.amount, or set " + BarrierSettings.PREFIX + "sharedGpu=true");
                }
            }
        }
    }

    private void checkCode() {
        Map<String, List<Integer>> byCode = new LinkedHashMap<>();
        codes.forEach((partition, code) -> byCode.computeIfAbsent(code, key -> new ArrayList<>()).add(partition));
        if (byCode.size() > 1) {
            throw new IllegalArgumentException("the ranks do not run the same code: partitions by fingerprint of the jar are " + byCode
                    + "; submit one jar and remove copies of it from the executors' class paths");
        }
    }

    private static int number(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException name) {
            return Integer.MAX_VALUE;
        }
    }

    ControlMessage topology() {
        Map<String, String> fields = new LinkedHashMap<>();
        for (RankPlace place : places) {
            fields.put("place." + place.rank(), place.encode());
        }
        return new ControlMessage(Kind.TOPOLOGY, fields);
    }

    /** Takes where a rank listens; answers all addresses once they are there. */
    ControlMessage address(int rank, String address) {
        addresses.put(rank, address);
        if (addresses.size() < size) {
            return ControlMessage.of(Kind.WAIT);
        }
        Map<String, String> fields = new LinkedHashMap<>();
        addresses.forEach((other, value) -> fields.put("address." + other, value));
        return new ControlMessage(Kind.ADDRESSES, fields);
    }
}
