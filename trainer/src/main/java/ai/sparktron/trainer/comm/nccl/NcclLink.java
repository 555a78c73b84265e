package ai.sparktron.trainer.comm.nccl;

import static ai.sparktron.trainer.comm.nccl.NcclLibrary.checkCuda;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.comm.HostCommunicator;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;

/**
 * Messages from one member of a group to another, in order: a communicator of the two, a stream and a thread that enqueues on it. NCCL's send holds its stream
 * until the peer receives, so on one stream two ranks that both send first would wait for each other for ever; links wait for nothing but their own messages.
 */
final class NcclLink implements AutoCloseable {

    private final NcclCommunicator group;
    private final int sender;
    private final int receiver;
    private final int peer;
    private final String what;
    private final WaitingBoard late;
    private final ArrayDeque<?> lane;
    private final ThreadPoolExecutor thread;
    private final DeviceRange range = new DeviceRange();
    private DeviceStream stream;
    private ncclComm communicator;
    private long messages;

    /** @param sender and receiver by their places in the group; one of them is this rank */
    NcclLink(NcclCommunicator group, int sender, int receiver) {
        this.group = group;
        this.sender = sender;
        this.receiver = receiver;
        this.peer = group.rank() == sender ? receiver : sender;
        List<Integer> pair = List.of(group.ranks().get(sender), group.ranks().get(receiver));
        this.what = "messages of group " + group.name() + " from rank " + pair.get(0) + " to rank " + pair.get(1);
        this.late = new WaitingBoard(group.world().hosts(NcclWatch.PREFIX + group.name() + "/" + pair, pair));
        this.lane = group.world().watch().lane();
        this.thread = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread made = new Thread(task, "nccl-" + group.world().rank() + "-" + pair);
            made.setDaemon(true);
            return made;
        });
    }

    /** Called by the device thread: what it has enqueued up to now comes before the message. */
    Transfer enqueue(CollectiveCall message, Tensor tensor) {
        CUevent_st ready = group.world().watch().event();
        group.stream().record(ready);
        CUevent_st end = group.world().watch().event();
        return new Message(ready, end, thread.submit(() -> {
            transfer(message, tensor, ready, end);
            return null;
        }));
    }

    private void transfer(CollectiveCall message, Tensor tensor, CUevent_st ready, CUevent_st end) {
        NcclWorld world = group.world();
        try {
            world.requireAlive();
            connect();
            if (messages++ < world.settings().comparedCalls()) {
                compare(message);
            }
            stream.await(ready);
            if (tensor.elements() > 0) {
                int type = NcclLibrary.type(tensor.dtype());
                world.call(() -> group.rank() == sender
                        ? nccl.ncclSend(range.at(tensor.address()), tensor.elements(), type, 1, communicator, stream.handle())
                        : nccl.ncclRecv(range.at(tensor.address()), tensor.elements(), type, 0, communicator, stream.handle()), () -> what);
                world.watch().enqueued(lane, stream, late, message);
            }
            stream.record(end);
        } catch (CommunicationException failure) {
            throw world.failed(failure);
        }
    }

    /** Both ends do so with their first message. */
    private void connect() {
        if (communicator != null) {
            return;
        }
        NcclWorld world = group.world();
        checkCuda(cudart.cudaSetDevice(world.device()), "cudaSetDevice " + world.device());
        stream = DeviceStream.create();
        HostCommunicator pair = world.hosts("nccl/" + group.name() + "/" + late.hosts().ranks(), late.hosts().ranks());
        byte[] id = pair.allGather(group.rank() == sender ? NcclLibrary.uniqueId() : new byte[0]).get(0);
        communicator = world.joinWithin(what, id, 2, group.rank() == sender ? 0 : 1);
    }

    private void compare(CollectiveCall message) {
        if (group.rank() == sender) {
            group.hosts().announce(message, peer);
        } else {
            group.hosts().expect(message, peer);
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
        if (stream != null) {
            stream.close();
        }
    }

    /** A message between two members. */
    private final class Message implements Transfer {
        private final CUevent_st ready;
        private final CUevent_st end;
        private final Future<?> enqueued;
        private boolean awaited;

        Message(CUevent_st ready, CUevent_st end, Future<?> enqueued) {
            this.ready = ready;
            this.end = end;
            this.enqueued = enqueued;
        }

        /** The host waits until the message is enqueued, the device until it is through. */
        @Override
        public void await() {
            while (!awaited) {
                try {
                    enqueued.get(100, TimeUnit.MILLISECONDS);
                    group.stream().await(end);
                    awaited = true;
                    group.world().watch().release(ready);
                    group.world().watch().release(end);
                } catch (TimeoutException notYet) {
                    group.world().requireAlive();
                } catch (InterruptedException interrupt) {
                    Thread.currentThread().interrupt();
                    throw group.world().failed(new CommunicationException(what + ": rank " + group.world().rank() + " was interrupted", interrupt));
                } catch (ExecutionException failure) {
                    throw failure.getCause() instanceof CommunicationException known ? known
                            : group.world().failed(new CommunicationException(what + ": " + failure.getCause(), failure.getCause()));
                }
            }
        }

        @Override
        public boolean isDone() {
            return awaited || enqueued.isDone() && DeviceStream.isOver(end);
        }
    }

    /** A message of a rank to itself: copied when it is received, in the order of the device's stream. */
    record OwnMessage(CollectiveCall call, Tensor tensor) implements Transfer {
        @Override
        public void await() {
            // The stream keeps the order.
        }

        @Override
        public boolean isDone() {
            return true;
        }
    }
}
