package ai.sparktron.trainer.comm;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** What the ranks of an in-process world share: one monitor, the first failure, who has left, and the groups. */
final class InProcessHub {

    private final int size;
    private final Duration timeout;
    private final boolean[] left;
    private final Map<String, InProcessGroup> groups = new HashMap<>();
    private final Map<String, InProcessCommunicator> ends = new HashMap<>();
    private CommunicatorAbortedException failure;

    InProcessHub(int size, Duration timeout) {
        if (size < 1) {
            throw new IllegalArgumentException("a world of " + size + " ranks: expected at least 1");
        }
        this.size = size;
        this.timeout = timeout;
        this.left = new boolean[size];
    }

    int size() {
        return size;
    }

    synchronized InProcessCommunicator join(String name, int rank, List<Integer> ranks) {
        InProcessGroup group = groups.computeIfAbsent(name, key -> new InProcessGroup(this, name, List.copyOf(ranks)));
        if (!group.ranks().equals(ranks)) {
            throw new CollectiveMismatchException("group " + name + ": rank " + rank + " asked for ranks " + ranks + " but another rank for "
                    + group.ranks());
        }
        return ends.computeIfAbsent(rank + "/" + name, key -> new InProcessCommunicator(group, rank));
    }

    synchronized void abort(int rank, Throwable cause) {
        if (failure == null) {
            failure = CommunicatorAbortedException.by(rank, cause);
            notifyAll();
        }
    }

    synchronized void leave(int rank) {
        left[rank] = true;
        notifyAll();
    }

    /** First of these world ranks that has left, or -1. Call with the monitor held. */
    int departed(List<Integer> ranks) {
        for (int rank : ranks) {
            if (left[rank]) {
                return rank;
            }
        }
        return -1;
    }

    /** Call with the monitor held. */
    void checkAlive() {
        if (failure != null) {
            throw failure.again();
        }
    }

    boolean isAborted() {
        return failure != null;
    }

    /**
     * Waits on the monitor, which the caller holds, until done.
     *
     * @param rank    who waits
     * @param missing world ranks waited for, now
     * @param what    the call, for reports
     */
    void await(int rank, BooleanSupplier done, Supplier<List<Integer>> missing, Supplier<String> what) {
        long start = System.nanoTime();
        while (!done.getAsBoolean()) {
            checkAlive();
            int gone = departed(missing.get());
            if (gone >= 0) {
                throw failed(rank, new PeerLostException(what.get() + ": rank " + gone + " has left the world while rank " + rank
                        + " still needs it", gone, null));
            }
            long waited = (System.nanoTime() - start) / 1_000_000;
            if (waited >= timeout.toMillis()) {
                throw failed(rank, CollectiveTimeoutException.of(what.get(), missing.get(), waited));
            }
            try {
                wait(timeout.toMillis() - waited);
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
                if (done.getAsBoolean()) {
                    // The others count on this rank: it goes through, and stops at its next wait.
                    return;
                }
                throw failed(rank, new CommunicationException(what.get() + ": rank " + rank + " was interrupted", interrupt));
            }
        }
    }

    /** Makes an error of one rank everyone's. */
    <E extends CommunicationException> E failed(int rank, E error) {
        abort(rank, error);
        return error;
    }
}
