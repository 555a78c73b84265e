package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.comm.RankProcess.Backend;
import ai.sparktron.trainer.comm.RankProcess.Packet;
import ai.sparktron.trainer.comm.RankProcess.Reply;
import ai.sparktron.trainer.comm.RankProcess.Request;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Ranks that are processes, seen from the test as worlds: each call goes to its rank's process and its results come back, so that the contract of communicators
 * runs against what only works between processes, such as several ranks on one GPU. Ranks take the GPUs in turn ({@code -Dsparktron.test.gpus=N}, by itself 1). NCCL
 * accepts several on a GPU only from different hosts, so in a world of more ranks than GPUs each claims to be one ({@code NCCL_HOSTID}): ranks that took turns on a GPU
 * and waited in its kernels for another GPU's memory would wait for ever.
 */
public final class RemoteRanks {

    private static final int GPUS = Integer.getInteger("sparktron.test.gpus", 1);

    private RemoteRanks() {
    }

    /** Starts the processes of a new world. */
    static List<World> start(int size, Duration timeout, Backend backend, long comparedCalls) throws Exception {
        List<Process> processes = new ArrayList<>();
        List<End> ends = new ArrayList<>();
        try (ServerSocket server = new ServerSocket(0)) {
            server.setSoTimeout(60_000);
            for (int rank = 0; rank < size; rank++) {
                processes.add(launch(server.getLocalPort(), rank, size, timeout, backend, comparedCalls));
                ends.add(null);
            }
            for (int i = 0; i < size; i++) {
                Socket socket = server.accept();
                socket.setTcpNoDelay(true);
                ObjectOutputStream out = new ObjectOutputStream(socket.getOutputStream());
                ObjectInputStream in = new ObjectInputStream(socket.getInputStream());
                int rank = (Integer) in.readObject();
                ends.set(rank, new End(rank, size, processes.get(rank), out, in));
            }
            meet(ends);
        } catch (Exception failure) {
            processes.forEach(Process::destroyForcibly);
            throw failure;
        }
        ends.forEach(End::listen);
        return List.copyOf(ends);
    }

    /** All are asked to join, and told each other's addresses. */
    private static void meet(List<End> ends) throws IOException, ClassNotFoundException {
        for (End end : ends) {
            end.out.writeObject("join");
            end.out.flush();
        }
        ArrayList<String> addresses = new ArrayList<>();
        for (End end : ends) {
            addresses.add((String) end.in.readObject());
        }
        for (End end : ends) {
            end.out.writeObject(addresses);
            end.out.flush();
        }
        for (End end : ends) {
            end.in.readObject();
        }
    }

    private static Process launch(int port, int rank, int size, Duration timeout, Backend backend, long comparedCalls) throws IOException {
        Path log = Files.createTempFile("rank-" + rank + "-", ".log");
        log.toFile().deleteOnExit();
        ProcessBuilder builder = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-Xmx512m", "-XX:+UseSerialGC", "-cp",
                System.getProperty("java.class.path"), RankProcess.class.getName(), String.valueOf(port), String.valueOf(rank), String.valueOf(size),
                String.valueOf(timeout.toMillis()), backend.name(), String.valueOf(comparedCalls), String.valueOf(rank % GPUS))
                .redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().put("NCCL_HOSTID", size <= GPUS ? "host" : "host-" + rank);
        builder.environment().putIfAbsent("NCCL_SOCKET_IFNAME", "lo");
        return builder.start();
    }

    /** One rank's world. */
    private static final class End implements World {
        private final int rank;
        private final int size;
        private final Process process;
        private final ObjectOutputStream out;
        private final ObjectInputStream in;
        private final AtomicLong ids = new AtomicLong();
        private final ConcurrentHashMap<Long, CompletableFuture<Reply>> waiting = new ConcurrentHashMap<>();

        End(int rank, int size, Process process, ObjectOutputStream out, ObjectInputStream in) {
            this.rank = rank;
            this.size = size;
            this.process = process;
            this.out = out;
            this.in = in;
        }

        void listen() {
            Thread listener = new Thread(() -> {
                try {
                    while (true) {
                        Reply reply = (Reply) in.readObject();
                        waiting.remove(reply.id()).complete(reply);
                    }
                } catch (IOException | ClassNotFoundException gone) {
                    waiting.values().forEach(reply -> reply.completeExceptionally(gone));
                }
            });
            listener.setDaemon(true);
            listener.start();
        }

        Reply ask(String operation, String group, List<Integer> ranks, Tensor first, Tensor second, int number, long[] sends, long[] receives, byte[] bytes,
                  Throwable cause) {
            long id = ids.incrementAndGet();
            CompletableFuture<Reply> answer = new CompletableFuture<>();
            waiting.put(id, answer);
            tell(new Request(id, operation, group, ranks == null ? null : List.copyOf(ranks), packet(first), packet(second), alias(first, second), number, sends,
                    receives, bytes, cause));
            boolean interrupted = false;
            try {
                while (true) {
                    try {
                        return checked(answer.get());
                    } catch (InterruptedException interrupt) {
                        interrupted = true;
                        tell(new Request(0, "interrupt", null, null, null, null, 0, 0, null, null, null, null));
                    } catch (ExecutionException gone) {
                        throw new CommunicationException("the process of rank " + rank + " has ended", gone);
                    }
                }
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        private synchronized void tell(Request request) {
            try {
                out.writeObject(request);
                out.reset();
                out.flush();
            } catch (IOException gone) {
                throw new CommunicationException("the process of rank " + rank + " has ended", gone);
            }
        }

        private static Reply checked(Reply reply) {
            if (reply.error() instanceof RuntimeException error) {
                throw error;
            }
            if (reply.error() != null) {
                throw new IllegalStateException("in the rank's process", reply.error());
            }
            return reply;
        }

        private static Packet packet(Tensor tensor) {
            if (tensor == null) {
                return null;
            }
            ByteBuffer view = HostTensors.bytes(tensor);
            byte[] bytes = new byte[(int) (tensor.isContiguous() ? tensor.sizeBytes() : tensor.rows() * tensor.rowStride() * tensor.dtype().sizeBytes())];
            view.get(bytes, 0, Math.min(bytes.length, view.remaining()));
            return new Packet(tensor.dtype(), tensor.rows(), tensor.columns(), tensor.isContiguous() ? tensor.columns() : tensor.rowStride(), bytes);
        }

        private static long alias(Tensor whole, Tensor part) {
            if (whole == null || part == null || part.elements() == 0 || part.address() < whole.address()
                    || part.address() + part.sizeBytes() > whole.address() + whole.sizeBytes()) {
                return Request.NONE;
            }
            return part.address() - whole.address();
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
        public Communicator group(String name, List<Integer> ranks) {
            ask("group", name, ranks, null, null, 0, null, null, null, null);
            return new Group(this, name, List.copyOf(ranks));
        }

        @Override
        public void abort(Throwable cause) {
            ask("abort", null, null, null, null, 0, null, null, null, cause);
        }

        @Override
        public void requireAlive() {
            throw new UnsupportedOperationException("asked in the rank's process");
        }

        @Override
        public void close() {
            try {
                ask("close", null, null, null, null, 0, null, null, null, null);
            } catch (CommunicationException over) {
                process.destroyForcibly();
            }
        }
    }

    /** One rank's end of a group. */
    private record Group(End world, String name, List<Integer> ranks) implements Communicator {

        private Reply ask(String operation, Tensor first, Tensor second, int number, long[] sends, long[] receives, byte[] bytes) {
            return world.ask(operation, name, ranks, first, second, number, sends, receives, bytes, null);
        }

        private static void put(Reply reply, Tensor target) {
            HostTensors.bytes(target).put(reply.first());
        }

        @Override
        public int rank() {
            return ranks.indexOf(world.rank());
        }

        @Override
        public int size() {
            return ranks.size();
        }

        @Override
        public void allReduce(Tensor tensor, Reduction reduction) {
            put(ask("allReduce", tensor, null, reduction.ordinal(), null, null, null), tensor);
        }

        @Override
        public void reduceScatter(Tensor input, Tensor output, Reduction reduction) {
            put(ask("reduceScatter", input, output, reduction.ordinal(), null, null, null), output);
        }

        @Override
        public void allGather(Tensor input, Tensor output) {
            put(ask("allGather", output, input, 0, null, null, null), output);
        }

        @Override
        public void broadcast(Tensor tensor, int root) {
            put(ask("broadcast", tensor, null, root, null, null, null), tensor);
        }

        @Override
        public void allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
            put(ask("allToAll", input, output, 0, sendCounts, receiveCounts, null), output);
        }

        @Override
        public Transfer send(Tensor tensor, int peer) {
            return new Remote(world, (int) ask("send", tensor, null, peer, null, null, null).id(), null);
        }

        @Override
        public Transfer receive(Tensor tensor, int peer) {
            return new Remote(world, (int) ask("receive", tensor, null, peer, null, null, null).id(), tensor);
        }

        @Override
        public void barrier() {
            ask("barrier", null, null, 0, null, null, null);
        }

        @Override
        public List<byte[]> allGather(byte[] value) {
            return ask("bytes", null, null, 0, null, null, value).all();
        }

        @Override
        public void abort(Throwable cause) {
            world.abort(cause);
        }

        @Override
        public void close() {
            // The world's.
        }
    }

    private record Remote(End world, int id, Tensor target) implements Transfer {
        @Override
        public void await() {
            Reply reply = world.ask("await", null, null, null, null, id, null, null, null, null);
            if (target != null) {
                Group.put(reply, target);
            }
        }

        @Override
        public boolean isDone() {
            return world.ask("isDone", null, null, null, null, id, null, null, null, null).flag();
        }
    }
}
