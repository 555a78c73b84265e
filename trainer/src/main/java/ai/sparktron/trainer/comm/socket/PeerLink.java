package ai.sparktron.trainer.comm.socket;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;

/**
 * The connection to one peer: a thread that writes frames in the order given, and one that reads frames and delivers them. The reader never waits for the
 * program, so a peer's writer never does either.
 */
final class PeerLink {

    /** Who gets what the link reads; called from the link's threads. */
    interface Receiver {

        void deliver(int peer, Frame frame);

        /** The connection ended although nobody said so before. */
        void lost(int peer, IOException cause);
    }

    private final int peer;
    private final SocketChannel channel;
    private final Payload.Pool pool;
    private final Receiver receiver;
    private final ArrayDeque<Frame> outgoing = new ArrayDeque<>();
    private final Thread reader;
    private final Thread writer;
    private long outgoingBytes;
    private boolean sealed;
    private volatile boolean ending;

    PeerLink(int rank, int peer, SocketChannel channel, Payload.Pool pool, Receiver receiver) {
        this.peer = peer;
        this.channel = channel;
        this.pool = pool;
        this.receiver = receiver;
        this.reader = daemon(this::read, "comm-" + rank + "-from-" + peer);
        this.writer = daemon(this::write, "comm-" + rank + "-to-" + peer);
    }

    private static Thread daemon(Runnable body, String name) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        return thread;
    }

    void start() {
        reader.start();
        writer.start();
    }

    String address() {
        return String.valueOf(channel.socket().getRemoteSocketAddress());
    }

    /** Queues a frame; its payload is released once written. */
    synchronized void send(Frame frame) {
        if (sealed) {
            release(frame);
            return;
        }
        outgoing.add(frame);
        outgoingBytes += frame.payloadBytes();
        notifyAll();
    }

    /** Bytes queued and not yet written. */
    synchronized long outgoingBytes() {
        return outgoingBytes;
    }

    /** Queues the last frame. An abort drops what waits before it. */
    synchronized void sendLast(Frame frame) {
        if (sealed) {
            return;
        }
        if (frame.type() == Frame.Type.ABORT) {
            outgoing.forEach(PeerLink::release);
            outgoing.clear();
        }
        outgoing.add(frame);
        sealed = true;
        ending = true;
        notifyAll();
    }

    /** Ends the connection now. */
    void close() {
        ending = true;
        try {
            channel.close();
        } catch (IOException ignored) {
            // The connection is being given up; there is nobody to tell.
        }
        synchronized (this) {
            sealed = true;
            notifyAll();
        }
    }

    /** Waits a while for the last frame to leave. */
    void awaitWritten(long millis) {
        try {
            writer.join(Math.max(1, millis));
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    private void write() {
        ByteBuffer header = ByteBuffer.allocateDirect(Frame.HEADER_BYTES).order(ByteOrder.nativeOrder());
        try {
            while (true) {
                Frame frame = next();
                if (frame == null) {
                    return;
                }
                frame.writeHeader(header);
                writeFully(header);
                for (int i = 0; frame.payload() != null && i < frame.payload().blockCount(); i++) {
                    writeFully(frame.payload().block(i));
                }
                written(frame);
                if (frame.type() != Frame.Type.DATA) {
                    channel.shutdownOutput();
                    return;
                }
            }
        } catch (IOException failure) {
            ended(failure);
        }
    }

    private synchronized Frame next() {
        while (outgoing.isEmpty() && !sealed) {
            try {
                wait();
            } catch (InterruptedException interrupt) {
                return null;
            }
        }
        return outgoing.poll();
    }

    private synchronized void written(Frame frame) {
        outgoingBytes -= frame.payloadBytes();
        release(frame);
        notifyAll();
    }

    private static void release(Frame frame) {
        if (frame.payload() != null) {
            frame.payload().release();
        }
    }

    private void writeFully(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    private void read() {
        ByteBuffer header = ByteBuffer.allocateDirect(Frame.HEADER_BYTES).order(ByteOrder.nativeOrder());
        try {
            while (true) {
                header.clear();
                readFully(header);
                header.flip();
                Frame frame = Frame.readHeader(header, pool);
                for (int i = 0; frame.payload() != null && i < frame.payload().blockCount(); i++) {
                    readFully(frame.payload().block(i));
                }
                if (frame.type() != Frame.Type.DATA) {
                    ending = true;
                }
                receiver.deliver(peer, frame);
            }
        } catch (IOException failure) {
            ended(failure);
            close();
        } catch (RuntimeException broken) {
            ended(new IOException("unreadable frame from rank " + peer, broken));
            close();
        }
    }

    private void ended(IOException failure) {
        if (!ending) {
            receiver.lost(peer, failure);
        }
    }

    private void readFully(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                throw new EOFException("end of stream");
            }
        }
    }
}
