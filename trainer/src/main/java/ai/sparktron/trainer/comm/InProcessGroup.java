package ai.sparktron.trainer.comm;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Meeting point of the members of one group. A collective has two meetings: all show what they call and where their memory is, compare, work, and meet
 * again before anyone's memory may change. All fields are guarded by the hub's monitor.
 */
final class InProcessGroup {

    /** What a member shows the others. */
    record Offer(CollectiveCall call, HostBytes input, HostBytes output, long[] sendBytes, long[] receiveBytes, byte[] value) {
    }

    /** A message on its way, copied out of the sender's memory. */
    record Message(CollectiveCall call, byte[] bytes) {
    }

    /** The work of one member between the meetings. */
    interface Work {
        void run(Offer[] offers);
    }

    private final InProcessHub hub;
    private final String name;
    private final List<Integer> ranks;
    private final Offer[] offers;
    private final boolean[] arrived;
    private final List<List<ArrayDeque<Message>>> messages = new ArrayList<>();
    private int arrivals;
    private int working;
    private long meetings;

    InProcessGroup(InProcessHub hub, String name, List<Integer> ranks) {
        this.hub = hub;
        this.name = name;
        this.ranks = ranks;
        this.offers = new Offer[ranks.size()];
        this.arrived = new boolean[ranks.size()];
        for (int from = 0; from < ranks.size(); from++) {
            messages.add(new ArrayList<>());
            for (int to = 0; to < ranks.size(); to++) {
                messages.get(from).add(new ArrayDeque<>());
            }
        }
    }

    InProcessHub hub() {
        return hub;
    }

    String name() {
        return name;
    }

    List<Integer> ranks() {
        return ranks;
    }

    /** One collective, from one member. */
    void meet(int rank, Offer offer, Work work) {
        Offer[] all;
        synchronized (hub) {
            offers[rank] = offer;
            arrive(rank, offer.call());
            all = offers.clone();
        }
        try {
            compare(rank, all);
            work.run(all);
        } catch (CommunicationException mismatch) {
            hub.abort(ranks.get(rank), mismatch);
            throw mismatch;
        } finally {
            finish(rank);
        }
    }

    /** First meeting. When the last member comes, all of them count as working until they say otherwise. */
    private void arrive(int rank, CollectiveCall call) {
        hub.checkAlive();
        arrived[rank] = true;
        long meeting = meetings;
        if (++arrivals == ranks.size()) {
            arrivals = 0;
            Arrays.fill(arrived, false);
            working = ranks.size();
            meetings++;
            hub.notifyAll();
            return;
        }
        hub.await(ranks.get(rank), () -> meetings > meeting, this::missing, () -> "group " + name + " " + ranks + ", " + call.describe());
    }

    /** Second meeting: waits for members that still read this one's memory, also after an abort; they only copy, so this is short. */
    private void finish(int rank) {
        synchronized (hub) {
            working--;
            hub.notifyAll();
            waitForWorkers();
        }
    }

    private void waitForWorkers() {
        boolean interrupted = false;
        while (working > 0) {
            try {
                hub.wait();
            } catch (InterruptedException interrupt) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private List<Integer> missing() {
        List<Integer> missing = new ArrayList<>();
        for (int i = 0; i < arrived.length; i++) {
            if (!arrived[i]) {
                missing.add(ranks.get(i));
            }
        }
        return missing;
    }

    private void compare(int rank, Offer[] all) {
        for (int other = 0; other < all.length; other++) {
            if (!all[other].call().equals(all[0].call())) {
                throw CollectiveCall.mismatch(name, ranks.get(0), all[0].call(), ranks.get(other), all[other].call());
            }
            if (all[other].sendBytes() != null) {
                long sends = all[other].sendBytes()[rank];
                long expects = all[rank].receiveBytes()[other];
                if (sends != expects) {
                    throw new CollectiveMismatchException("group " + name + ", " + all[rank].call().describe() + ": rank " + ranks.get(other)
                            + " sends " + sends + " bytes to rank " + ranks.get(rank) + ", which expects " + expects);
                }
            }
        }
    }

    void post(int from, int to, Message message) {
        synchronized (hub) {
            hub.checkAlive();
            messages.get(from).get(to).add(message);
            hub.notifyAll();
        }
    }

    boolean hasMessage(int from, int to, int place) {
        synchronized (hub) {
            return hub.isAborted() || messages.get(from).get(to).size() > place;
        }
    }

    Message take(int from, int to, CollectiveCall expected) {
        synchronized (hub) {
            ArrayDeque<Message> queue = messages.get(from).get(to);
            hub.checkAlive();
            hub.await(ranks.get(to), () -> !queue.isEmpty(), () -> List.of(ranks.get(from)),
                    () -> "group " + name + " " + ranks + ", rank " + ranks.get(to) + " receives " + expected.describe());
            Message message = queue.remove();
            if (!message.call().equals(expected)) {
                throw hub.failed(ranks.get(to),
                        CollectiveCall.mismatch(name, ranks.get(to), expected, ranks.get(from), message.call()));
            }
            return message;
        }
    }
}
