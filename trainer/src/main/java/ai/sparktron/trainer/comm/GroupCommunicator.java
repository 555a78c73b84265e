package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.comm.CollectiveCall.Kind;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/** What all communicators have in common: checks of arguments and numbering of calls. Implementations see calls that make sense. */
public abstract class GroupCommunicator implements Communicator {

    private final String name;
    private final int rank;
    private final List<Integer> ranks;
    private final long[] sent;
    private final long[] asked;
    private long sequence;

    protected GroupCommunicator(String name, int worldRank, List<Integer> ranks) {
        this.name = name;
        this.ranks = List.copyOf(ranks);
        this.rank = this.ranks.indexOf(worldRank);
        this.sent = new long[this.ranks.size()];
        this.asked = new long[this.ranks.size()];
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
        allReduce(call, tensor);
    }

    @Override
    public final void reduceScatter(Tensor input, Tensor output, Reduction reduction) {
        CollectiveCall call = call(Kind.REDUCE_SCATTER, reduction, input, output.elements(), 0);
        requireReducible(call);
        requireParts(call, input, output);
        reduceScatter(call, input, output);
    }

    @Override
    public final void allGather(Tensor input, Tensor output) {
        CollectiveCall call = call(Kind.ALL_GATHER, null, input, input.elements(), 0);
        requireParts(call, output, input);
        allGather(call, input, output);
    }

    @Override
    public final void broadcast(Tensor tensor, int root) {
        requireMember("broadcast from", root);
        broadcast(call(Kind.BROADCAST, null, tensor, tensor.elements(), root), tensor, root);
    }

    @Override
    public final void allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
        CollectiveCall call = call(Kind.ALL_TO_ALL, null, input, 0, 0);
        requireSameType(call, input, output);
        allToAll(call, input, bytesOf(call, "sendCounts", sendCounts, input), output, bytesOf(call, "receiveCounts", receiveCounts, output));
    }

    @Override
    public final Transfer send(Tensor tensor, int peer) {
        requireMember("send to", peer);
        return send(message(tensor, sent[peer]++), tensor, peer);
    }

    @Override
    public final Transfer receive(Tensor tensor, int peer) {
        requireMember("receive from", peer);
        return receive(message(tensor, asked[peer]++), tensor, peer);
    }

    @Override
    public final void barrier() {
        synchronise(new CollectiveCall(Kind.BARRIER, sequence++, null, null, 0, 0));
    }

    @Override
    public final List<byte[]> allGather(byte[] value) {
        return allGather(new CollectiveCall(Kind.ALL_GATHER_BYTES, sequence++, null, null, 0, 0), value.clone());
    }

    /** Whether elements of this type can be reduced. */
    protected abstract boolean reduces(DType dtype);

    protected abstract void allReduce(CollectiveCall call, Tensor tensor);

    protected abstract void reduceScatter(CollectiveCall call, Tensor input, Tensor output);

    protected abstract void allGather(CollectiveCall call, Tensor input, Tensor output);

    protected abstract void broadcast(CollectiveCall call, Tensor tensor, int root);

    /** Counts are in bytes here. */
    protected abstract void allToAll(CollectiveCall call, Tensor input, long[] sendBytes, Tensor output, long[] receiveBytes);

    protected abstract Transfer send(CollectiveCall message, Tensor tensor, int peer);

    protected abstract Transfer receive(CollectiveCall message, Tensor tensor, int peer);

    /** Waits until all members have made this call, and compares them. */
    protected abstract void synchronise(CollectiveCall call);

    protected abstract List<byte[]> allGather(CollectiveCall call, byte[] value);

    private CollectiveCall call(Kind kind, Reduction reduction, Tensor tensor, long elements, int root) {
        return new CollectiveCall(kind, sequence++, reduction, tensor.dtype(), elements, root);
    }

    private static CollectiveCall message(Tensor tensor, long number) {
        return new CollectiveCall(Kind.MESSAGE, number, null, tensor.dtype(), tensor.elements(), 0);
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
        if (!reduces(call.dtype())) {
            throw new IllegalArgumentException(where(call) + ": cannot reduce elements of type " + call.dtype()
                    + "; use F32, F64, BF16, F16, I32 or I64");
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
}
