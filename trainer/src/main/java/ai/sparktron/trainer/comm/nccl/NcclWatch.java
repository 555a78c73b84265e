package ai.sparktron.trainer.comm.nccl;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.CollectiveTimeoutException;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.comm.HostCommunicator;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;

/**
 * Looks after what is enqueued, on a thread of its own, since NCCL waits for ever for a rank that does not come. A call that is unfinished after half of the
 * collective timeout is brought to a meeting of the members' hosts: who does not come within the timeout is late and named, who made another call too. A call
 * that all have made and that does not end is the device's or the network's fault, and ends at the timeout. Aborts of other ranks are noticed here.
 */
final class NcclWatch implements AutoCloseable {

    private static final long POLL_MILLIS = 20;

    /** One enqueued call. */
    private static final class Pending {
        private final HostCommunicator members;
        private final CollectiveCall call;
        private final CUevent_st end;
        private final long since = System.nanoTime();
        private boolean asked;

        Pending(HostCommunicator members, CollectiveCall call, CUevent_st end) {
            this.members = members;
            this.call = call;
            this.end = end;
        }

        String where() {
            return "group " + members.name() + " " + members.ranks() + ", " + call.describe();
        }
    }

    private final NcclWorld world;
    private final Duration timeout;
    private final List<ArrayDeque<Pending>> lanes = new ArrayList<>();
    private final ArrayDeque<CUevent_st> freeEvents = new ArrayDeque<>();
    private final Thread thread;
    private volatile boolean closed;

    NcclWatch(NcclWorld world, Duration timeout) {
        this.world = world;
        this.timeout = timeout;
        this.thread = new Thread(this::run, "nccl-" + world.rank() + "-watch");
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** A lane for calls that end in the order of enqueuing. */
    ArrayDeque<?> lane() {
        ArrayDeque<Pending> lane = new ArrayDeque<>();
        synchronized (this) {
            lanes.add(lane);
        }
        return lane;
    }

    /** An event to record and give back. */
    synchronized CUevent_st event() {
        CUevent_st event = freeEvents.poll();
        return event == null ? DeviceStream.event() : event;
    }

    synchronized void release(CUevent_st event) {
        freeEvents.push(event);
    }

    /**
     * Takes note of a call that was just enqueued.
     *
     * @param members group of the hosts, used by this watch alone
     */
    @SuppressWarnings("unchecked")
    void enqueued(ArrayDeque<?> lane, DeviceStream stream, HostCommunicator members, CollectiveCall call) {
        CUevent_st end = event();
        stream.record(end);
        synchronized (this) {
            ((ArrayDeque<Pending>) lane).add(new Pending(members, call, end));
        }
    }

    private void run() {
        NcclLibrary.checkCuda(cudart.cudaSetDevice(world.device()), "cudaSetDevice " + world.device());
        while (!closed) {
            try {
                Thread.sleep(POLL_MILLIS);
                world.host().requireAlive();
                for (Pending late : look()) {
                    ask(late);
                }
            } catch (InterruptedException end) {
                return;
            } catch (CommunicationException over) {
                world.abort(over);
                return;
            }
        }
    }

    /** Takes finished calls out and answers those to ask about. */
    private synchronized List<Pending> look() {
        List<Pending> late = List.of();
        for (ArrayDeque<Pending> lane : lanes) {
            Pending first = lane.peek();
            while (first != null && DeviceStream.isOver(first.end)) {
                freeEvents.push(lane.remove().end);
                first = lane.peek();
            }
            if (first == null) {
                continue;
            }
            long waited = (System.nanoTime() - first.since) / 1_000_000;
            if (waited > timeout.toMillis() * 3 / 2) {
                throw CollectiveTimeoutException.of(first.where() + ": all members have enqueued it and it does not end; the device or the network hangs"
                        + " (NCCL_DEBUG=INFO shows its links)", first.members.ranks(), waited);
            }
            if (!first.asked && waited > timeout.toMillis() / 2) {
                first.asked = true;
                late = new ArrayList<>(late);
                late.add(first);
            }
        }
        return late;
    }

    /** Each question waits on a thread of its own: members may ask about their groups in another order. */
    private void ask(Pending late) {
        Thread asking = new Thread(() -> {
            try {
                late.members.meet(late.call);
            } catch (CommunicationException over) {
                world.abort(over);
            }
        }, thread.getName() + "-" + late.members.name());
        asking.setDaemon(true);
        asking.start();
    }

    /** Stops looking. The events go with the process's context. */
    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(1_000);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
        synchronized (this) {
            freeEvents.forEach(cudart::cudaEventDestroy);
            lanes.forEach(lane -> lane.forEach(pending -> cudart.cudaEventDestroy(pending.end)));
            lanes.clear();
            freeEvents.clear();
        }
    }
}
