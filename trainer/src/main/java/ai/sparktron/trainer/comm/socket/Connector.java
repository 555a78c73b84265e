package ai.sparktron.trainer.comm.socket;

import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.comm.Rendezvous;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Makes the full mesh: every rank listens, tells where over the rendezvous, connects to the ranks below it and is connected to by those above. */
final class Connector implements AutoCloseable {

    /** A stranger that connects and says nothing must not hold up the start. */
    private static final int HANDSHAKE_MILLIS = 5_000;

    private final int rank;
    private final int size;
    private final SocketSettings settings;
    private final ServerSocketChannel server;
    private final SocketChannel[] channels;

    Connector(int rank, int size, SocketSettings settings) {
        this.rank = rank;
        this.size = size;
        this.settings = settings;
        this.channels = new SocketChannel[size];
        try {
            this.server = ServerSocketChannel.open().bind(new InetSocketAddress(settings.bindAddress(), 0), size + 16);
        } catch (IOException | RuntimeException refused) {
            throw new CommunicationException("rank " + rank + " cannot listen on " + settings.bindAddress()
                    + "; expected an address of this host that the other ranks reach", refused);
        }
    }

    /** Connections by rank; null at this rank's own place. */
    SocketChannel[] connect(Rendezvous rendezvous) {
        long deadline = System.nanoTime() + settings.connectTimeout().toNanos();
        try {
            int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
            List<String> addresses = rendezvous.exchange(settings.bindAddress() + ":" + port);
            if (addresses.size() != size) {
                throw new CommunicationException("rendezvous gave " + addresses.size() + " addresses, expected " + size);
            }
            for (int peer = 0; peer < rank; peer++) {
                channels[peer] = reach(peer, addresses.get(peer), deadline);
            }
            while (!missing().isEmpty()) {
                admit(deadline);
            }
            for (SocketChannel channel : channels) {
                if (channel != null) {
                    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                    channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
                    channel.socket().setSoTimeout(0);
                }
            }
            return channels;
        } catch (IOException | RuntimeException failure) {
            for (SocketChannel channel : channels) {
                closeQuietly(channel, failure);
            }
            throw failure instanceof CommunicationException known ? known
                    : new CommunicationException("rank " + rank + " could not join the world: " + failure, failure);
        }
    }

    private SocketChannel reach(int peer, String address, long deadline) throws IOException {
        int colon = address.lastIndexOf(':');
        IOException last = null;
        while (System.nanoTime() < deadline) {
            SocketChannel channel = SocketChannel.open();
            try {
                long left = Math.max(1, (deadline - System.nanoTime()) / 1_000_000);
                InetSocketAddress target = new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
                channel.socket().connect(target, (int) Math.min(left, 10_000));
                channel.socket().setSoTimeout((int) Math.min(left, Integer.MAX_VALUE));
                Handshake.connect(channel.socket(), settings.token(), rank, peer);
                return channel;
            } catch (IOException failure) {
                last = failure;
                closeQuietly(channel, failure);
                pause();
            }
        }
        throw new CommunicationException("rank " + rank + " cannot reach rank " + peer + " at " + address + " within "
                + seconds(settings.connectTimeout()) + ": " + last + "; check firewalls between the executors and the bind address", last);
    }

    private void admit(long deadline) throws IOException {
        long left = (deadline - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
            throw late();
        }
        SocketChannel channel = null;
        try {
            server.socket().setSoTimeout((int) Math.min(left, Integer.MAX_VALUE));
            channel = server.socket().accept().getChannel();
            channel.socket().setSoTimeout(HANDSHAKE_MILLIS);
            int peer = Handshake.accept(channel.socket(), settings.token(), rank);
            if (peer <= rank || peer >= size || channels[peer] != null) {
                throw new IOException("a connection of rank " + peer + " that is not expected");
            }
            channels[peer] = channel;
        } catch (SocketTimeoutException nobody) {
            if (channel == null) {
                throw late();
            }
            closeQuietly(channel, nobody);
        } catch (IOException stranger) {
            if (channel == null) {
                throw stranger;
            }
            closeQuietly(channel, stranger);
        }
    }

    private CommunicationException late() {
        return new CommunicationException("rank " + rank + " waited " + seconds(settings.connectTimeout()) + " for the connections of ranks "
                + missing() + ", which did not come; check that they started, and firewalls between the executors");
    }

    private List<Integer> missing() {
        List<Integer> missing = new ArrayList<>();
        for (int peer = rank + 1; peer < size; peer++) {
            if (channels[peer] == null) {
                missing.add(peer);
            }
        }
        return missing;
    }

    private static String seconds(Duration duration) {
        return duration.toMillis() / 1000.0 + " s";
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
            throw new CommunicationException("interrupted while connecting", interrupt);
        }
    }

    private static void closeQuietly(SocketChannel channel, Exception because) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException failure) {
                because.addSuppressed(failure);
            }
        }
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException failure) {
            throw new CommunicationException("closing the listening socket of rank " + rank, failure);
        }
    }
}
