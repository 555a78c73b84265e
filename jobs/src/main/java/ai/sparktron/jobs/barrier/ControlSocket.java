package ai.sparktron.jobs.barrier;

import ai.sparktron.trainer.comm.socket.Handshake;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The control channel over a port of the driver, for contexts that were started without the plugin. One connection and one thread per rank. */
final class ControlSocket implements AutoCloseable {

    private static final int LARGEST_MESSAGE_BYTES = 16 << 20;
    private static final int ANSWER_MILLIS = 60_000;

    private final ControlHub hub;
    private final String secret;
    private final ServerSocket server;
    private final Set<Socket> connections = ConcurrentHashMap.newKeySet();

    /** @param bindAddress address of the driver that executors reach */
    ControlSocket(ControlHub hub, String secret, String bindAddress) throws IOException {
        this.hub = hub;
        this.secret = secret;
        this.server = new ServerSocket(0, 200, InetAddress.getByName(bindAddress));
        daemon(this::accept, "control-accept");
    }

    int port() {
        return server.getLocalPort();
    }

    private static void daemon(Runnable body, String name) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                connections.add(socket);
                daemon(() -> serve(socket), "control-" + socket.getPort());
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(10_000);
            Handshake.accept(socket, secret, -1);
            socket.setSoTimeout(0);
            DataInputStream in = new DataInputStream(socket.getInputStream());
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            while (true) {
                write(out, hub.handle(read(in)));
            }
        } catch (IOException | RuntimeException gone) {
            // A rank that is gone is noticed by its silence; a stranger is nobody's business.
        } finally {
            connections.remove(socket);
        }
    }

    private static byte[] read(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0 || length > LARGEST_MESSAGE_BYTES) {
            throw new IOException("a control message of " + length + " bytes");
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return bytes;
    }

    private static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
        out.flush();
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket socket : connections) {
            socket.close();
        }
    }

    /** A rank's end. */
    static ControlChannel connect(String host, int port, String secret, int partition) throws IOException {
        Socket socket = new Socket();
        try {
            socket.connect(new InetSocketAddress(host, port), ANSWER_MILLIS);
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(ANSWER_MILLIS);
            Handshake.connect(socket, secret, partition, -1);
            return new Client(socket);
        } catch (IOException failure) {
            socket.close();
            throw new IOException("the driver cannot be reached at " + host + ":" + port + " from here: " + failure.getMessage()
                    + "; open that way, or start the context with spark.plugins=" + ControlPlugin.class.getName(), failure);
        }
    }

    private static final class Client implements ControlChannel {

        private final Socket socket;
        private final DataInputStream in;
        private final DataOutputStream out;

        Client(Socket socket) throws IOException {
            this.socket = socket;
            this.in = new DataInputStream(socket.getInputStream());
            this.out = new DataOutputStream(socket.getOutputStream());
        }

        @Override
        public synchronized ControlMessage ask(ControlMessage message) throws IOException {
            write(out, message.encode());
            return ControlMessage.decode(read(in));
        }

        @Override
        public void close() {
            try {
                socket.close();
            } catch (IOException ignored) {
                // The connection is being given up; there is nobody to tell.
            }
        }
    }
}
