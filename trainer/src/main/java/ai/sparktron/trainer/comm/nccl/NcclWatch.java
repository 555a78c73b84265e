package ai.sparktron.trainer.comm.nccl;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.CollectiveTimeoutException;
import ai.sparktron.trainer.comm.CommunicationException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;

/**
 * Looks after what is enqueued, on a thread of its own, since NCCL waits for ever for a rank that does not come. A call that is unfinished after a quarter of the
 * collective timeout is told to the other members' hosts; at the timeout the members that have not told the same are late and named, with what they are in
 * instead. A call that all are in and that does not end is the device's or the network's fault. Aborts of other ranks are noticed here.
 */
final class NcclWatch implements AutoCloseable {

    /** Of the names of the groups of hosts that a watch uses. */
    static final String PREFIX = "late/";

    private static final long POLL_MILLIS = 20;

    /** One enqueued call. */
    private static final class Pending {
        private final WaitingBoard board;
        private final CollectiveCall call;
        private final CUevent_st end;
        private final long since = System.nanoTime();
        private boolean told;

        Pending(WaitingBoard board, CollectiveCall call, CUevent_st end) {
            this.board = board;
            this.call = call;
            this.end = end;
        }

        String where() {
            return "group " + board.hosts().name().substring(PREFIX.length()) + " " + board.hosts().ranks() + ", " + call.describe();
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
     * @param board of the members, used by this watch alone
     */
    @SuppressWarnings("unchecked")
    void enqueued(ArrayDeque<?> lane, DeviceStream stream, WaitingBoard board, CollectiveCall call) {
        CUevent_st end = event();
        stream.record(end);
        synchronized (this) {
            ((ArrayDeque<Pending>) lane).add(new Pending(board, call, end));
        }
    }

    private void run() {
        NcclLibrary.checkCuda(cudart.cudaSetDevice(world.device()), "cudaSetDevice " + world.device());
        while (!closed) {
            try {
                Thread.sleep(POLL_MILLIS);
                world.host().requireAlive();
                look();
            } catch (InterruptedException end) {
                return;
            } catch (CommunicationException over) {
                world.abort(over);
                return;
            }
        }
    }

    /** Takes finished calls out, and speaks of those that take long. */
    private synchronized void look() {
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
            if (!first.told && waited > timeout.toMillis() / 4) {
                first.told = true;
                first.board.announce(first.call);
            }
            if (waited > timeout.toMillis()) {
                throw report(first, waited);
            }
        }
    }

    private static CollectiveTimeoutException report(Pending first, long waited) {
        List<Integer> late = first.board.notIn(first.call);
        if (late.isEmpty()) {
            return CollectiveTimeoutException.of(first.where() + ": all members are in it and it does not end; the device or the network hangs"
                    + " (NCCL_DEBUG=INFO shows its links)", first.board.hosts().ranks(), waited);
        }
        StringBuilder elsewhere = new StringBuilder();
        for (int rank : late) {
            if (!first.board.saying(rank).isEmpty()) {
                elsewhere.append(" (rank ").append(rank).append(" last waited long in ").append(first.board.saying(rank)).append(')');
            }
        }
        return CollectiveTimeoutException.of(first.where() + elsewhere, late, waited);
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
