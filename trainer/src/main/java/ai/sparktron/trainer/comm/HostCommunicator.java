package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * What communicators over host memory have in common: the view of a tensor as bytes, groups of one, and messages taken in order. Implementations move bytes.
 */
public abstract class HostCommunicator extends GroupCommunicator {

    private final List<ArrayDeque<Receiving>> receiving = new ArrayList<>();

    protected HostCommunicator(String name, int worldRank, List<Integer> ranks) {
        super(name, worldRank, ranks);
        for (int peer = 0; peer < ranks.size(); peer++) {
            receiving.add(new ArrayDeque<>());
        }
    }

    /** Waits until all members have made a call of another communicator of the same members, and compares them. The caller numbers its calls. */
    public final void meet(CollectiveCall call) {
        synchronise(call);
    }

    /** As {@link #meet}, and every member's bytes in rank order. */
    public final List<byte[]> meet(CollectiveCall call, byte[] value) {
        return allGather(call, value);
    }

    /** Tells a peer of a message that goes another way. */
    public final void announce(CollectiveCall message, int peer) {
        post(message, HostBytes.NONE, peer);
    }

    /** Waits for the peer's {@link #announce}, and compares. */
    public final void expect(CollectiveCall message, int peer) {
        take(message, HostBytes.NONE, peer);
    }

    @Override
    protected final boolean reduces(DType dtype) {
        return HostReduction.supports(dtype);
    }

    @Override
    protected final void allReduce(CollectiveCall call, Tensor tensor) {
        if (size() > 1 && tensor.elements() > 0) {
            allReduce(call, bytes(tensor));
        } else {
            synchronise(call);
        }
    }

    @Override
    protected final void reduceScatter(CollectiveCall call, Tensor input, Tensor output) {
        if (size() > 1 && output.elements() > 0) {
            reduceScatter(call, bytes(input), bytes(output));
        } else {
            synchronise(call);
            copy(input, output);
        }
    }

    @Override
    protected final void allGather(CollectiveCall call, Tensor input, Tensor output) {
        if (size() > 1 && input.elements() > 0) {
            allGather(call, bytes(input), bytes(output));
        } else {
            synchronise(call);
            copy(input, output);
        }
    }

    @Override
    protected final void broadcast(CollectiveCall call, Tensor tensor, int root) {
        if (size() > 1 && tensor.elements() > 0) {
            broadcast(call, bytes(tensor), root);
        } else {
            synchronise(call);
        }
    }

    @Override
    protected final void allToAll(CollectiveCall call, Tensor input, long[] sendBytes, Tensor output, long[] receiveBytes) {
        allToAll(call, bytes(input), sendBytes, bytes(output), receiveBytes);
    }

    @Override
    protected final Transfer send(CollectiveCall message, Tensor tensor, int peer) {
        post(message, bytes(tensor), peer);
        return DONE;
    }

    @Override
    protected final Transfer receive(CollectiveCall message, Tensor tensor, int peer) {
        Receiving transfer = new Receiving(peer, message, bytes(tensor));
        receiving.get(peer).add(transfer);
        return transfer;
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

    private HostBytes bytes(Tensor tensor) {
        return HostBytes.of(tensor, name());
    }

    private void copy(Tensor from, Tensor to) {
        if (from.address() != to.address() && from.elements() > 0) {
            bytes(to).copyFrom(bytes(from), 0, 0, from.sizeBytes());
        }
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
