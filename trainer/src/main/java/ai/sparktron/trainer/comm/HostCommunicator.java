package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.comm.CollectiveCall.Kind;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * What communicators over host memory have in common: checks of arguments, numbering of calls, the view of a tensor as bytes, and groups of one.
 * Implementations move bytes.
 */
public abstract class HostCommunicator implements Communicator {

    private final String name;
    private final int rank;
    private final List<Integer> ranks;
    private final long[] sent;
    private final long[] asked;
    private final List<ArrayDeque<Receiving>> receiving = new ArrayList<>();
    private long sequence;

    protected HostCommunicator(String name, int worldRank, List<Integer> ranks) {
        this.name = name;
        this.ranks = List.copyOf(ranks);
        this.rank = this.ranks.indexOf(worldRank);
        this.sent = new long[this.ranks.size()];
        this.asked = new long[this.ranks.size()];
        for (int peer = 0; peer < this.ranks.size(); peer++) {
            receiving.add(new ArrayDeque<>());
        }
    }

    /**
     * Checks the members of a group.
     *
     * @throws IllegalArgumentException when this rank is not among them, or a rank is named twice or does not exist
     */
    public static void checkMembers(String name, int worldRank, int worldSize, List<Integer> ranks) {
        if (!ranks.contains(worldRank)) {
            throw new IllegalArgumentException("group " + name + " of ranks " + ranks + " was asked for by rank " + worldRank
                    + ", which is no member");
        }
        if (ranks.stream().distinct().count() != ranks.size() || ranks.stream().anyMatch(r -> r < 0 || r >= worldSize)) {
            throw new IllegalArgumentException("group " + name + " of ranks " + ranks + ": expected distinct ranks from 0 to " + (worldSize - 1));
        }
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final int rank() {
        return rank;
    }

    @Override
    public final int size() {
        return ranks.size();
    }

    @Override
    public final List<Integer> ranks() {
        return ranks;
    }

    @Override
    public final void allReduce(Tensor tensor, Reduction reduction) {
        CollectiveCall call = call(Kind.ALL_REDUCE, reduction, tensor, tensor.elements(), 0);
        requireReducible(call);
        if (size() > 1 && tensor.elements() > 0) {
            allReduce(call, bytes(tensor));
        } else {
            synchronise(call);
        }
    }

    @Override
    public final void reduceScatter(Tensor input, Tensor output, Reduction reduction) {
        CollectiveCall call = call(Kind.REDUCE_SCATTER, reduction, input, output.elements(), 0);
        requireReducible(call);
        requireParts(call, input, output);
        if (size() > 1 && output.elements() > 0) {
            reduceScatter(call, bytes(input), bytes(output));
        } else {
            synchronise(call);
            copy(input, output);
        }
    }

    @Override
    public final void allGather(Tensor input, Tensor output) {
        CollectiveCall call = call(Kind.ALL_GATHER, null, input, input.elements(), 0);
        requireParts(call, output, input);
        if (size() > 1 && input.elements() > 0) {
            allGather(call, bytes(input), bytes(output));
        } else {
            synchronise(call);
            copy(input, output);
        }
    }

    @Override
    public final void broadcast(Tensor tensor, int root) {
        requireMember("broadcast from", root);
        CollectiveCall call = call(Kind.BROADCAST, null, tensor, tensor.elements(), root);
        if (size() > 1 && tensor.elements() > 0) {
            broadcast(call, bytes(tensor), root);
        } else {
            synchronise(call);
        }
    }

    @Override
    public final void allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
        CollectiveCall call = call(Kind.ALL_TO_ALL, null, input, 0, 0);
        requireSameType(call, input, output);
        long[] sendBytes = bytesOf(call, "sendCounts", sendCounts, input);
        long[] receiveBytes = bytesOf(call, "receiveCounts", receiveCounts, output);
        allToAll(call, bytes(input), sendBytes, bytes(output), receiveBytes);
    }

    @Override
    public final Transfer send(Tensor tensor, int peer) {
        requireMember("send to", peer);
        post(message(tensor, sent[peer]++), bytes(tensor), peer);
        return DONE;
    }

    @Override
    public final Transfer receive(Tensor tensor, int peer) {
        requireMember("receive from", peer);
        Receiving transfer = new Receiving(peer, message(tensor, asked[peer]++), bytes(tensor));
        receiving.get(peer).add(transfer);
        return transfer;
    }

    @Override
    public final void barrier() {
        synchronise(new CollectiveCall(Kind.BARRIER, sequence++, null, null, 0, 0));
    }

    @Override
    public final List<byte[]> allGather(byte[] value) {
        return allGather(new CollectiveCall(Kind.ALL_GATHER_BYTES, sequence++, null, null, 0, 0), value.clone());
    }

    /** Reduces in place, in rank order. */
    protected abstract void allReduce(CollectiveCall call, HostBytes data);

    protected abstract void reduceScatter(CollectiveCall call, HostBytes input, HostBytes output);

    protected abstract void allGather(CollectiveCall call, HostBytes input, HostBytes output);

    protected abstract void broadcast(CollectiveCall call, HostBytes data, int root);

    /** Counts are in bytes here. */
    protected abstract void allToAll(CollectiveCall call, HostBytes input, long[] sendBytes, HostBytes output, long[] receiveBytes);

    /** Copies the message out and lets it go. */
    protected abstract void post(CollectiveCall message, HostBytes data, int peer);

    /** Waits for the peer's next message, compares it with what is expected and copies it in. */
    protected abstract void take(CollectiveCall message, HostBytes target, int peer);

    /** Whether more than this many messages of the peer are waiting, or the world was aborted. */
    protected abstract boolean hasMessages(int peer, int more);

    /** Waits until all members have made this call, and compares them. */
    protected abstract void synchronise(CollectiveCall call);

    protected abstract List<byte[]> allGather(CollectiveCall call, byte[] value);

    private CollectiveCall call(Kind kind, Reduction reduction, Tensor tensor, long elements, int root) {
        return new CollectiveCall(kind, sequence++, reduction, tensor.dtype(), elements, root);
    }

    private static CollectiveCall message(Tensor tensor, long number) {
        return new CollectiveCall(Kind.MESSAGE, number, null, tensor.dtype(), tensor.elements(), 0);
    }

    private HostBytes bytes(Tensor tensor) {
        return HostBytes.of(tensor, name);
    }

    private void copy(Tensor from, Tensor to) {
        if (from.address() != to.address() && from.elements() > 0) {
            bytes(to).copyFrom(bytes(from), 0, 0, from.sizeBytes());
        }
    }

    private long[] bytesOf(CollectiveCall call, String what, long[] counts, Tensor tensor) {
        long total = 0;
        long[] bytes = new long[counts.length];
        for (int i = 0; i < counts.length; i++) {
            total += counts[i];
            bytes[i] = counts[i] * tensor.dtype().sizeBytes();
            if (counts[i] < 0) {
                throw new IllegalArgumentException(where(call) + ": " + what + "[" + i + "] is " + counts[i] + ", expected at least 0");
            }
        }
        if (counts.length != size() || total > tensor.elements()) {
            throw new IllegalArgumentException(where(call) + ": " + what + " has " + counts.length + " counts that sum to " + total + ", expected "
                    + size() + " that sum to at most the " + tensor.elements() + " elements of " + tensor);
        }
        return bytes;
    }

    private void requireReducible(CollectiveCall call) {
        if (!HostReduction.supports(call.dtype())) {
            throw new IllegalArgumentException(where(call) + ": cannot reduce elements of type " + call.dtype()
                    + " on the host; use F32, F64, BF16, I32 or I64");
        }
    }

    private void requireParts(CollectiveCall call, Tensor whole, Tensor part) {
        requireSameType(call, whole, part);
        if (whole.elements() != part.elements() * size()) {
            throw new IllegalArgumentException(where(call) + ": " + whole + " has " + whole.elements() + " elements, expected " + size() + " times the "
                    + part.elements() + " of " + part);
        }
    }

    private void requireSameType(CollectiveCall call, Tensor one, Tensor other) {
        if (one.dtype() != other.dtype()) {
            throw new IllegalArgumentException(where(call) + ": " + one + " and " + other + " differ in type");
        }
    }

    private void requireMember(String what, int member) {
        if (member < 0 || member >= size()) {
            throw new IllegalArgumentException(what + " rank " + member + " in group " + name + ": expected 0 to " + (size() - 1));
        }
    }

    private String where(CollectiveCall call) {
        return "group " + name + ", " + call.describe();
    }

    @Override
    public final String toString() {
        return "group " + name + " rank " + rank + " of " + ranks;
    }

    private static final Transfer DONE = new Transfer() {
        @Override
        public void await() {
            // The message was copied when it was sent.
        }

        @Override
        public boolean isDone() {
            return true;
        }
    };

    /** A receive that was asked for; filled by its owner's thread, in the order of asking. */
    private final class Receiving implements Transfer {

        private final int peer;
        private final CollectiveCall call;
        private final HostBytes target;
        private boolean filled;

        Receiving(int peer, CollectiveCall call, HostBytes target) {
            this.peer = peer;
            this.call = call;
            this.target = target;
        }

        @Override
        public void await() {
            while (!filled) {
                Receiving next = receiving.get(peer).element();
                take(next.call, next.target, peer);
                next.filled = true;
                receiving.get(peer).remove();
            }
        }

        @Override
        public boolean isDone() {
            return filled || hasMessages(peer, new ArrayList<>(receiving.get(peer)).indexOf(this));
        }
    }
}
