package ai.sparktron.trainer.comm.socket;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.CollectiveTimeoutException;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.CommunicatorAbortedException;
import ai.sparktron.trainer.comm.GroupCommunicator;
import ai.sparktron.trainer.comm.PeerLostException;
import ai.sparktron.trainer.comm.Rendezvous;
import ai.sparktron.trainer.comm.World;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A world whose ranks are processes joined by TCP. A process that dies is noticed at once, by the end of its connections; one that freezes, by the
 * collective deadline. An abort is told to all peers with its cause before the connections are closed.
 */
public final class SocketWorld implements World, PeerLink.Receiver {

    /** Bytes that may wait for one peer's socket before the sender does. */
    private static final long OUTGOING_LIMIT_BYTES = 64L << 20;
    private static final long FAREWELL_MILLIS = 1_000;

    /** Frames that arrived, of one group, peer and channel. */
    private record Box(long group, int peer, int channel) {
    }

    private final int rank;
    private final int size;
    private final SocketSettings settings;
    private final Payload.Pool pool = new Payload.Pool();
    private final PeerLink[] links;
    private final boolean[] left;
    private final Map<Box, ArrayDeque<Frame>> boxes = new HashMap<>();
    private final Map<String, SocketCommunicator> groups = new HashMap<>();
    private CommunicatorAbortedException failure;
    private boolean closed;

    private SocketWorld(int rank, int size, SocketSettings settings) {
        this.rank = rank;
        this.size = size;
        this.settings = settings;
        this.links = new PeerLink[size];
        this.left = new boolean[size];
    }

    /**
     * Joins a world. Blocks until all ranks are connected.
     *
     * @throws CommunicationException when a rank does not come in time or cannot be reached, naming it
     */
    public static SocketWorld join(int rank, int size, Rendezvous rendezvous, SocketSettings settings) {
        SocketWorld world = new SocketWorld(rank, size, settings);
        SocketChannel[] channels;
        try (Connector connector = new Connector(rank, size, settings)) {
            channels = connector.connect(rendezvous);
        }
        for (int peer = 0; peer < size; peer++) {
            if (peer != rank) {
                world.links[peer] = new PeerLink(rank, peer, channels[peer], world.pool, world);
            }
        }
        for (PeerLink link : world.links) {
            if (link != null) {
                link.start();
            }
        }
        return world;
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public synchronized Communicator group(String name, List<Integer> ranks) {
        GroupCommunicator.checkMembers(name, rank, size, ranks);
        SocketCommunicator known = groups.get(name);
        if (known != null && !known.ranks().equals(ranks)) {
            throw new IllegalArgumentException("group " + name + " of ranks " + ranks + " exists with ranks " + known.ranks());
        }
        return groups.computeIfAbsent(name, key -> new SocketCommunicator(this, name, ranks));
    }

    @Override
    public synchronized void requireAlive() {
        checkAlive();
    }

    Payload.Pool pool() {
        return pool;
    }

    /** Sends to a peer; waits only when very much is queued for it. */
    void send(int peer, Frame frame, Supplier<String> what) {
        PeerLink link = links[peer];
        synchronized (this) {
            checkAlive();
        }
        long start = System.nanoTime();
        while (link.outgoingBytes() > OUTGOING_LIMIT_BYTES) {
            long waited = (System.nanoTime() - start) / 1_000_000;
            if (waited > settings.collectiveTimeout().toMillis()) {
                throw failed(CollectiveTimeoutException.of(what.get(), List.of(peer), waited));
            }
            synchronized (this) {
                pause(Math.min(10, settings.collectiveTimeout().toMillis()), what);
                checkAlive();
            }
        }
        link.send(frame);
    }

    /**
     * Next frame of a peer. A peer sends all frames of one call before the first of the next, so when it has sent something of another call instead,
     * it will never send this one: then that frame is returned, for the caller to report.
     *
     * @param waitingFor world ranks whose frames are needed for the same call, for the report of those that are late
     */
    synchronized Frame receive(long group, int channel, int peer, CollectiveCall call, List<Integer> waitingFor, Supplier<String> what) {
        ArrayDeque<Frame> box = box(group, peer, channel);
        long start = System.nanoTime();
        while (box.isEmpty()) {
            checkAlive();
            Frame early = channel == SocketCommunicator.MESSAGES ? null : box(group, peer, 1 - channel).peek();
            if (early != null && !early.call().equals(call)) {
                return early;
            }
            if (left[peer]) {
                throw failed(new PeerLostException(what.get() + ": rank " + peer + " has left the world while rank " + rank + " still needs it", peer,
                        null));
            }
            long waited = (System.nanoTime() - start) / 1_000_000;
            long rest = settings.collectiveTimeout().toMillis() - waited;
            if (rest <= 0) {
                List<Integer> late = waitingFor.stream().filter(other -> other != rank && box(group, other, channel).isEmpty()).toList();
                throw failed(CollectiveTimeoutException.of(what.get(), late, waited));
            }
            pause(rest, what);
        }
        checkAlive();
        return box.remove();
    }

    synchronized boolean hasFrames(long group, int channel, int peer, int more) {
        return failure != null || box(group, peer, channel).size() > more;
    }

    private ArrayDeque<Frame> box(long group, int peer, int channel) {
        return boxes.computeIfAbsent(new Box(group, peer, channel), key -> new ArrayDeque<>());
    }

    private void pause(long millis, Supplier<String> what) {
        try {
            wait(millis);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw failed(new CommunicationException(what.get() + ": rank " + rank + " was interrupted", interrupt));
        }
    }

    private void checkAlive() {
        if (failure != null) {
            throw failure.again();
        }
        if (closed) {
            throw new CommunicationException("rank " + rank + " used its world after leaving it");
        }
    }

    <E extends CommunicationException> E failed(E error) {
        abort(error);
        return error;
    }

    @Override
    public void abort(Throwable cause) {
        fail(CommunicatorAbortedException.by(rank, cause), AbortText.of(cause));
    }

    private void fail(CommunicatorAbortedException reason, AbortText text) {
        synchronized (this) {
            if (failure != null || closed) {
                return;
            }
            failure = reason;
            notifyAll();
        }
        byte[] bytes = new AbortText(reason.origin(), reason.suspects(), text.message()).encode();
        for (PeerLink link : links) {
            if (link != null) {
                link.sendLast(new Frame(Frame.Type.ABORT, 0, 0, null, Payload.copyOf(pool, ByteBuffer.wrap(bytes))));
            }
        }
        Thread closer = new Thread(this::closeLinks, "comm-" + rank + "-closer");
        closer.setDaemon(true);
        closer.start();
    }

    /** Gives the farewell a moment to reach the peers: closing at once may discard it. */
    private void closeLinks() {
        long deadline = System.nanoTime() + FAREWELL_MILLIS * 1_000_000;
        for (PeerLink link : links) {
            if (link != null) {
                link.awaitWritten((deadline - System.nanoTime()) / 1_000_000);
            }
        }
        try {
            Thread.sleep(Math.max(1, Math.min(100, (deadline - System.nanoTime()) / 1_000_000)));
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
        Arrays.stream(links).filter(link -> link != null).forEach(PeerLink::close);
    }

    @Override
    public void deliver(int peer, Frame frame) {
        switch (frame.type()) {
            case DATA -> {
                synchronized (this) {
                    box(frame.group(), peer, frame.channel()).add(frame);
                    notifyAll();
                }
            }
            case LEAVE -> {
                synchronized (this) {
                    left[peer] = true;
                    notifyAll();
                }
            }
            case ABORT -> {
                byte[] bytes = new byte[Math.toIntExact(frame.payloadBytes())];
                frame.payload().copyTo(ByteBuffer.wrap(bytes));
                AbortText text = AbortText.decode(bytes);
                fail(new CommunicatorAbortedException(text.origin(), text.message(), text.suspects(), null), text);
            }
        }
    }

    @Override
    public void lost(int peer, IOException cause) {
        abort(new PeerLostException("rank " + peer + " at " + links[peer].address() + " closed its connection without a word (" + cause.getMessage()
                + "): its process has died or was killed", peer, cause));
    }

    @Override
    public void close() {
        List<PeerLink> open = new ArrayList<>();
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            notifyAll();
            if (failure != null) {
                return;
            }
        }
        for (PeerLink link : links) {
            if (link != null) {
                link.sendLast(new Frame(Frame.Type.LEAVE, 0, 0, null, null));
                open.add(link);
            }
        }
        long deadline = System.nanoTime() + FAREWELL_MILLIS * 1_000_000;
        for (PeerLink link : open) {
            link.awaitWritten((deadline - System.nanoTime()) / 1_000_000);
        }
    }
}
