package ai.sparktron.trainer.comm.nccl;

import static ai.sparktron.trainer.comm.nccl.NcclLibrary.checkCuda;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.CollectiveMismatchException;
import ai.sparktron.trainer.comm.GroupCommunicator;
import ai.sparktron.trainer.comm.HostCommunicator;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.IntSupplier;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;

/**
 * One member's end of a group of GPUs. Collectives are enqueued on the engine's stream and return at once. Messages between two members go over links of their
 * own ({@link NcclLink}), so that no order of sends and receives can lock ranks up. {@link #barrier} and bytes go over the hosts, after waiting for the stream.
 *
 * <p>Reductions are in NCCL's order: the same on all members, and the same each time for the same sizes and settings, but not rank order.
 */
final class NcclCommunicator extends GroupCommunicator {

    private final NcclWorld world;
    private final HostCommunicator hosts;
    private final WaitingBoard late;
    private final ncclComm communicator;
    private final DeviceStream stream;
    private final ArrayDeque<?> lane;
    private final NcclLink[] outgoing;
    private final NcclLink[] incoming;
    private final ArrayDeque<NcclLink.OwnMessage> toSelf = new ArrayDeque<>();
    private final DeviceRange from = new DeviceRange();
    private final DeviceRange to = new DeviceRange();
    private long calls;

    /**
     * @param hosts        the members' hosts, used by this thread
     * @param late         the same, used by the watch
     * @param communicator null in a group of one
     */
    NcclCommunicator(NcclWorld world, HostCommunicator hosts, WaitingBoard late, ncclComm communicator, DeviceStream stream) {
        super(hosts.name(), world.rank(), hosts.ranks());
        this.world = world;
        this.hosts = hosts;
        this.late = late;
        this.communicator = communicator;
        this.stream = stream;
        this.lane = world.watch().lane();
        this.outgoing = new NcclLink[size()];
        this.incoming = new NcclLink[size()];
    }

    NcclWorld world() {
        return world;
    }

    DeviceStream stream() {
        return stream;
    }

    HostCommunicator hosts() {
        return hosts;
    }

    @Override
    protected boolean reduces(DType dtype) {
        return NcclLibrary.reduces(dtype);
    }

    /** Compares the first calls of a group, then enqueues and has the end watched. */
    private void enqueue(CollectiveCall call, boolean moves, IntSupplier enqueuing) {
        world.requireAlive();
        if (isCompared()) {
            hosts.meet(call);
        }
        if (communicator == null || !moves) {
            return;
        }
        world.call(enqueuing, () -> where(call));
        world.watch().enqueued(lane, stream, late, call);
    }

    private boolean isCompared() {
        return calls++ < world.settings().comparedCalls();
    }

    private String where(CollectiveCall call) {
        return "group " + name() + " " + ranks() + ", " + call.describe();
    }

    @Override
    protected void allReduce(CollectiveCall call, Tensor tensor) {
        requireContiguous(tensor);
        enqueue(call, tensor.elements() > 0, () -> nccl.ncclAllReduce(from.at(tensor.address()), to.at(tensor.address()), tensor.elements(),
                NcclLibrary.type(call.dtype()), NcclLibrary.operation(call.reduction()), communicator, stream.handle()));
    }

    @Override
    protected void reduceScatter(CollectiveCall call, Tensor input, Tensor output) {
        requireContiguous(input);
        requireContiguous(output);
        enqueue(call, output.elements() > 0, () -> nccl.ncclReduceScatter(from.at(input.address()), to.at(output.address()), output.elements(),
                NcclLibrary.type(call.dtype()), NcclLibrary.operation(call.reduction()), communicator, stream.handle()));
        copyIfAlone(input, output);
    }

    @Override
    protected void allGather(CollectiveCall call, Tensor input, Tensor output) {
        requireContiguous(input);
        requireContiguous(output);
        enqueue(call, input.elements() > 0, () -> nccl.ncclAllGather(from.at(input.address()), to.at(output.address()), input.elements(),
                NcclLibrary.type(call.dtype()), communicator, stream.handle()));
        copyIfAlone(input, output);
    }

    @Override
    protected void broadcast(CollectiveCall call, Tensor tensor, int root) {
        requireContiguous(tensor);
        enqueue(call, tensor.elements() > 0, () -> nccl.ncclBroadcast(from.at(tensor.address()), to.at(tensor.address()), tensor.elements(),
                NcclLibrary.type(call.dtype()), root, communicator, stream.handle()));
    }

    @Override
    protected void allToAll(CollectiveCall call, Tensor input, long[] sendBytes, Tensor output, long[] receiveBytes) {
        requireContiguous(input);
        requireContiguous(output);
        if (calls < world.settings().comparedCalls()) {
            compareCounts(call, sendBytes, receiveBytes);
        }
        enqueue(call, true, () -> exchange(input.address(), sendBytes, output.address(), receiveBytes));
        if (communicator == null) {
            copy(input.address(), output.address(), sendBytes[0]);
        }
    }

    /** All parts as one launch, so that none waits for another. Nothing is sent where there is nothing to send: the counts say so on both sides. */
    private int exchange(long input, long[] sendBytes, long output, long[] receiveBytes) {
        int result = nccl.ncclGroupStart();
        long at = input;
        long target = output;
        for (int peer = 0; peer < size(); peer++) {
            if (sendBytes[peer] > 0 && result == nccl.ncclSuccess) {
                result = nccl.ncclSend(from.at(at), sendBytes[peer], nccl.ncclUint8, peer, communicator, stream.handle());
            }
            if (receiveBytes[peer] > 0 && result == nccl.ncclSuccess) {
                result = nccl.ncclRecv(to.at(target), receiveBytes[peer], nccl.ncclUint8, peer, communicator, stream.handle());
            }
            at += sendBytes[peer];
            target += receiveBytes[peer];
        }
        int end = nccl.ncclGroupEnd();
        return result == nccl.ncclSuccess ? end : result;
    }

    private void compareCounts(CollectiveCall call, long[] sendBytes, long[] receiveBytes) {
        ByteBuffer counts = ByteBuffer.allocate(size() * Long.BYTES);
        counts.asLongBuffer().put(sendBytes);
        List<byte[]> all = world.hosts("counts/" + name(), ranks()).meet(call, counts.array());
        for (int peer = 0; peer < size(); peer++) {
            long sends = ByteBuffer.wrap(all.get(peer)).getLong(rank() * Long.BYTES);
            if (sends != receiveBytes[peer]) {
                throw world.failed(new CollectiveMismatchException(where(call) + ": rank " + ranks().get(peer) + " sends " + sends + " bytes to rank "
                        + world.rank() + ", which expects " + receiveBytes[peer]));
            }
        }
    }

    @Override
    protected Transfer send(CollectiveCall message, Tensor tensor, int peer) {
        requireContiguous(tensor);
        world.requireAlive();
        if (peer == rank()) {
            NcclLink.OwnMessage own = new NcclLink.OwnMessage(message, tensor);
            toSelf.add(own);
            return own;
        }
        if (outgoing[peer] == null) {
            outgoing[peer] = new NcclLink(this, rank(), peer);
        }
        return outgoing[peer].enqueue(message, tensor);
    }

    @Override
    protected Transfer receive(CollectiveCall message, Tensor tensor, int peer) {
        requireContiguous(tensor);
        world.requireAlive();
        if (peer == rank()) {
            return receiveOwn(message, tensor);
        }
        if (incoming[peer] == null) {
            incoming[peer] = new NcclLink(this, peer, rank());
        }
        return incoming[peer].enqueue(message, tensor);
    }

    private Transfer receiveOwn(CollectiveCall message, Tensor tensor) {
        NcclLink.OwnMessage own = toSelf.poll();
        if (own == null) {
            throw new IllegalStateException(where(message) + ": this rank receives from itself what it has not sent");
        }
        if (!own.call().equals(message)) {
            throw world.failed(CollectiveCall.mismatch(name(), world.rank(), message, world.rank(), own.call()));
        }
        copy(own.tensor().address(), tensor.address(), tensor.sizeBytes());
        return own;
    }

    private void copyIfAlone(Tensor input, Tensor output) {
        if (communicator == null) {
            copy(input.address(), output.address(), input.sizeBytes());
        }
    }

    private void copy(long source, long target, long bytes) {
        if (source != target && bytes > 0) {
            checkCuda(cudart.cudaMemcpyAsync(to.at(target), from.at(source), bytes, cudart.cudaMemcpyDeviceToDevice, stream.handle()), "cudaMemcpyAsync");
        }
    }

    private void requireContiguous(Tensor tensor) {
        if (!tensor.isContiguous()) {
            throw new IllegalArgumentException("tensor " + tensor + " in group " + name() + ": expected a contiguous tensor; copy the columns out first");
        }
    }

    /** After the work before it on the device, as on the host. */
    @Override
    protected void synchronise(CollectiveCall call) {
        settle(call);
        hosts.meet(call);
    }

    @Override
    protected List<byte[]> allGather(CollectiveCall call, byte[] value) {
        world.requireAlive();
        return hosts.meet(call, value);
    }

    private void settle(CollectiveCall call) {
        world.requireAlive();
        checkCuda(cudart.cudaStreamSynchronize(stream.handle()), where(call));
        world.requireAlive();
    }

    @Override
    public void abort(Throwable cause) {
        world.abort(cause);
    }

    @Override
    public void close() {
        // Communicators belong to the world.
    }

    /** Ends the links. */
    void free() {
        for (int peer = 0; peer < size(); peer++) {
            if (outgoing[peer] != null) {
                outgoing[peer].close();
            }
            if (incoming[peer] != null) {
                incoming[peer].close();
            }
        }
    }
}
