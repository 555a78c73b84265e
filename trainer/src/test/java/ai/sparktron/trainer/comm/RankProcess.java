package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.comm.nccl.DeviceBlocks;
import ai.sparktron.trainer.comm.socket.SocketSettings;
import ai.sparktron.trainer.comm.socket.SocketWorld;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.EOFException;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.net.Socket;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * One rank in a process of its own, which does what {@link RemoteRanks} asks for: a test's tensors are brought here, and for a device world onto the device.
 */
final class RankProcess {

    /** What the ranks' tensors lie in and go over. */
    enum Backend { SOCKET, NCCL }

    /** A tensor on its way. */
    record Packet(DType dtype, long rows, long columns, long stride, byte[] bytes) implements Serializable {
    }

    /** What to do. @param alias byte offset of the second tensor in the first, or of the first in the second minus the second's size, or NONE */
    record Request(long id, String operation, String group, List<Integer> ranks, Packet first, Packet second, long alias, int number, long[] sends,
                   long[] receives, byte[] bytes, Throwable cause) implements Serializable {
        static final long NONE = Long.MIN_VALUE;
    }

    /** What came of it. */
    record Reply(long id, byte[] first, List<byte[]> all, boolean flag, Throwable error) implements Serializable {
    }

    private record Open(Transfer transfer, Tensor tensor) {
    }

    private final ObjectOutputStream out;
    private final DeviceBlocks blocks;
    private final World world;
    private final World host;
    private final Map<Long, Open> transfers = new HashMap<>();
    private final Thread[] device = new Thread[1];
    private final ExecutorService deviceThread = Executors.newSingleThreadExecutor(task -> {
        device[0] = new Thread(task, "device");
        return device[0];
    });

    private RankProcess(ObjectOutputStream out, DeviceBlocks blocks, World host, World world) {
        this.out = out;
        this.blocks = blocks;
        this.host = host;
        this.world = world;
    }

    /** port, rank, size, collective timeout in milliseconds, backend, compared calls, GPU. */
    public static void main(String[] arguments) throws Exception {
        int rank = Integer.parseInt(arguments[1]);
        int size = Integer.parseInt(arguments[2]);
        Duration timeout = Duration.ofMillis(Long.parseLong(arguments[3]));
        Backend backend = Backend.valueOf(arguments[4]);
        try (Socket socket = new Socket("127.0.0.1", Integer.parseInt(arguments[0]))) {
            socket.setTcpNoDelay(true);
            ObjectOutputStream out = new ObjectOutputStream(socket.getOutputStream());
            ObjectInputStream in = new ObjectInputStream(socket.getInputStream());
            DeviceBlocks blocks = backend == Backend.NCCL ? DeviceBlocks.open(Integer.parseInt(arguments[6])) : null;
            out.writeObject(rank);
            out.flush();
            in.readObject();
            SocketWorld host = SocketWorld.join(rank, size, value -> exchange(in, out, value), new SocketSettings("127.0.0.1", "token",
                    Duration.ofSeconds(60), timeout));
            World world = backend == Backend.NCCL ? blocks.world(host, timeout, Long.parseLong(arguments[5])) : host;
            out.writeObject("ready");
            out.flush();
            new RankProcess(out, blocks, host, world).serve(in);
        }
        Runtime.getRuntime().halt(0);
    }

    @SuppressWarnings("unchecked")
    private static List<String> exchange(ObjectInputStream in, ObjectOutputStream out, String value) {
        try {
            out.writeObject(value);
            out.flush();
            return (List<String>) in.readObject();
        } catch (IOException | ClassNotFoundException failure) {
            throw new CommunicationException("the test's process does not answer", failure);
        }
    }

    private void serve(ObjectInputStream in) throws Exception {
        deviceThread.submit(() -> { }).get();
        while (true) {
            Request request;
            try {
                request = (Request) in.readObject();
            } catch (EOFException end) {
                return;
            }
            switch (request.operation()) {
                case "interrupt" -> device[0].interrupt();
                case "abort" -> {
                    world.abort(request.cause());
                    reply(new Reply(request.id(), null, null, false, null));
                }
                default -> deviceThread.execute(() -> answer(request));
            }
        }
    }

    private void answer(Request request) {
        Reply reply;
        try {
            reply = perform(request);
        } catch (Throwable error) {
            reply = new Reply(request.id(), null, null, false, error);
        }
        Thread.interrupted();
        try {
            reply(reply);
        } catch (IOException gone) {
            Runtime.getRuntime().halt(1);
        }
    }

    private synchronized void reply(Reply reply) throws IOException {
        out.writeObject(reply);
        out.reset();
        out.flush();
    }

    private Reply perform(Request request) {
        if (request.operation().equals("close")) {
            world.close();
            if (host != world) {
                host.close();
            }
            return new Reply(request.id(), null, null, false, null);
        }
        if (request.operation().equals("await") || request.operation().equals("isDone")) {
            Open open = transfers.get((long) request.number());
            if (request.operation().equals("isDone")) {
                return new Reply(request.id(), null, null, open.transfer().isDone(), null);
            }
            open.transfer().await();
            return new Reply(request.id(), fetch(open.tensor()), null, false, null);
        }
        Communicator group = world.group(request.group(), request.ranks());
        return switch (request.operation()) {
            case "group" -> new Reply(request.id(), null, null, false, null);
            case "barrier" -> {
                group.barrier();
                yield new Reply(request.id(), null, null, false, null);
            }
            case "bytes" -> new Reply(request.id(), null, group.allGather(request.bytes()), false, null);
            default -> onTensors(request, group);
        };
    }

    private Reply onTensors(Request request, Communicator group) {
        Tensor first = place(request.first(), null, 0);
        Tensor second = null;
        if (request.second() != null) {
            second = place(request.second(), request.alias() == Request.NONE ? null : first, request.alias());
        }
        Tensor result = second == null ? first : second;
        switch (request.operation()) {
            case "allReduce" -> group.allReduce(first, Reduction.values()[request.number()]);
            case "reduceScatter" -> group.reduceScatter(first, second, Reduction.values()[request.number()]);
            case "allGather" -> group.allGather(second, first);
            case "broadcast" -> group.broadcast(first, request.number());
            case "allToAll" -> group.allToAll(first, request.sends(), second, request.receives());
            case "send" -> transfers.put(request.id(), new Open(group.send(first, request.number()), first));
            case "receive" -> transfers.put(request.id(), new Open(group.receive(first, request.number()), first));
            default -> throw new IllegalArgumentException(request.operation());
        }
        if (request.operation().equals("send") || request.operation().equals("receive")) {
            return new Reply(request.id(), null, null, false, null);
        }
        return new Reply(request.id(), fetch(request.operation().equals("allGather") ? first : result), null, false, null);
    }

    /** Brings a tensor to where the backend works, as a range of another where it is one. */
    private Tensor place(Packet packet, Tensor owner, long offset) {
        if (owner != null) {
            long from = offset / packet.dtype().sizeBytes();
            return owner.reshape(Shape.of(owner.elements())).rows(from, packet.rows() * packet.columns());
        }
        long elements = packet.bytes().length / packet.dtype().sizeBytes();
        Tensor flat = blocks == null ? HostTensors.of(packet.dtype(), elements) : blocks.tensor(packet.dtype(), elements);
        if (blocks == null) {
            HostTensors.bytes(flat).put(packet.bytes());
        } else {
            blocks.write(flat, packet.bytes());
        }
        return packet.stride() == packet.columns() ? flat
                : flat.reshape(Shape.of(packet.rows(), packet.stride())).columns(0, packet.columns());
    }

    private byte[] fetch(Tensor tensor) {
        if (blocks != null) {
            byte[] bytes = blocks.read(tensor);
            world.requireAlive();
            return bytes;
        }
        byte[] bytes = new byte[(int) tensor.sizeBytes()];
        HostTensors.bytes(tensor).get(bytes);
        return bytes;
    }
}
