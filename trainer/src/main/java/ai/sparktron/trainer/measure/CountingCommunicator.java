package ai.sparktron.trainer.measure;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** A group that counts what its rank would exchange, and leaves tensors as they are. */
final class CountingCommunicator implements Communicator {

    private static final Transfer DONE = new Transfer() {
        @Override
        public void await() {
            // Nothing is under way.
        }

        @Override
        public boolean isDone() {
            return true;
        }
    };

    private final String name;
    private final int rank;
    private final List<Integer> ranks;
    private final Traffic.Place place;
    private final Map<Traffic.Kind, double[]> counted = new EnumMap<>(Traffic.Kind.class);

    CountingCommunicator(String name, int worldRank, List<Integer> ranks, Traffic.Place place) {
        this.name = name;
        this.rank = ranks.indexOf(worldRank);
        this.ranks = List.copyOf(ranks);
        this.place = place;
    }

    List<Traffic> traffic() {
        List<Traffic> all = new ArrayList<>();
        counted.forEach((kind, sums) -> all.add(new Traffic(name, ranks, kind, place, sums[0], sums[1])));
        return all;
    }

    private void count(Traffic.Kind kind, double bytes) {
        if (ranks.size() > 1) {
            double[] sums = counted.computeIfAbsent(kind, key -> new double[2]);
            sums[0]++;
            sums[1] += bytes;
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return ranks.size();
    }

    @Override
    public List<Integer> ranks() {
        return ranks;
    }

    @Override
    public void allReduce(Tensor tensor, Reduction reduction) {
        count(Traffic.Kind.ALL_REDUCE, tensor.sizeBytes());
    }

    @Override
    public void reduceScatter(Tensor input, Tensor output, Reduction reduction) {
        count(Traffic.Kind.REDUCE_SCATTER, input.sizeBytes());
    }

    @Override
    public void allGather(Tensor input, Tensor output) {
        count(Traffic.Kind.ALL_GATHER, output.sizeBytes());
    }

    @Override
    public void broadcast(Tensor tensor, int root) {
        count(Traffic.Kind.BROADCAST, tensor.sizeBytes());
    }

    @Override
    public void allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
        count(Traffic.Kind.ALL_TO_ALL, (double) Arrays.stream(sendCounts).sum() * input.dtype().sizeBytes());
    }

    @Override
    public Transfer send(Tensor tensor, int peer) {
        count(Traffic.Kind.MESSAGE, tensor.sizeBytes());
        return DONE;
    }

    @Override
    public Transfer receive(Tensor tensor, int peer) {
        return DONE;
    }

    @Override
    public void barrier() {
        // The others are always there.
    }

    @Override
    public List<byte[]> allGather(byte[] value) {
        return Collections.nCopies(ranks.size(), value);
    }

    @Override
    public void abort(Throwable cause) {
        throw new IllegalStateException("a measurement failed", cause);
    }

    @Override
    public void close() {
        // Nothing is held.
    }

    /** The same group as collectives beside kernels. */
    BackgroundCollectives inBackground() {
        return new BackgroundCollectives() {
            @Override
            public Transfer allReduce(Tensor tensor, Reduction reduction) {
                CountingCommunicator.this.allReduce(tensor, reduction);
                return DONE;
            }

            @Override
            public Transfer reduceScatter(Tensor input, Tensor output, Reduction reduction) {
                CountingCommunicator.this.reduceScatter(input, output, reduction);
                return DONE;
            }

            @Override
            public Transfer allGather(Tensor input, Tensor output) {
                CountingCommunicator.this.allGather(input, output);
                return DONE;
            }

            @Override
            public Transfer allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
                CountingCommunicator.this.allToAll(input, sendCounts, output, receiveCounts);
                return DONE;
            }

            @Override
            public void close() {
                // Nothing is held.
            }
        };
    }
}
