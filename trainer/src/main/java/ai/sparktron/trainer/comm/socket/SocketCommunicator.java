package ai.sparktron.trainer.comm.socket;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.CollectiveMismatchException;
import ai.sparktron.trainer.comm.HostBytes;
import ai.sparktron.trainer.comm.HostCommunicator;
import ai.sparktron.trainer.comm.HostReduction;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * One member's end of a group of processes. Reductions are cut so that each rank owns a part, gets that part from every other rank, reduces it in rank
 * order and gives the result to all: as much traffic as a ring, two steps instead of {@code 2 (n - 1)}, and always the same bits. Large tensors go in
 * segments, one on the wire while the one before is reduced.
 */
final class SocketCommunicator extends HostCommunicator {

    /** Bytes of a rank's part of one segment: four blocks. */
    private static final int PART_BYTES = 4 * Payload.BLOCK_BYTES;

    /** Queues of a pair: parts to reduce, results, and messages. */
    static final int PARTS = 0;
    static final int RESULTS = 1;
    static final int MESSAGES = 2;

    private final SocketWorld world;
    private final long id;

    SocketCommunicator(SocketWorld world, String name, List<Integer> ranks) {
        super(name, world.rank(), ranks);
        this.world = world;
        this.id = id(name, ranks);
    }

    /** Equal on all members; two groups of a world collide once in 2^63 times. */
    private static long id(String name, List<Integer> ranks) {
        long hash = 1125899906842597L;
        for (char letter : (name + ranks).toCharArray()) {
            hash = 31 * hash + letter;
        }
        return hash;
    }

    @Override
    protected void allReduce(CollectiveCall call, HostBytes data) {
        int width = call.dtype().sizeBytes();
        long segment = (long) PART_BYTES / width * size();
        long count = (call.elements() + segment - 1) / segment;
        sendParts(call, data, 0, Math.min(segment, call.elements()));
        for (long k = 0; k < count; k++) {
            long next = (k + 1) * segment;
            if (k + 1 < count) {
                sendParts(call, data, next, Math.min(segment, call.elements() - next));
            }
            long from = k * segment;
            long elements = Math.min(segment, call.elements() - from);
            ByteBuffer mine = ownPart(data, from, elements, rank(), width);
            reduceParts(call, mine, mine);
            share(call, mine);
            if (k > 0) {
                collect(call, data, from - segment, segment);
            }
        }
        collect(call, data, (count - 1) * segment, call.elements() - (count - 1) * segment);
    }

    private void sendParts(CollectiveCall call, HostBytes data, long from, long elements) {
        for (int peer = 0; peer < size(); peer++) {
            if (peer != rank()) {
                send(call, PARTS, peer, ownPart(data, from, elements, peer, call.dtype().sizeBytes()));
            }
        }
    }

    private void collect(CollectiveCall call, HostBytes data, long from, long elements) {
        for (int peer = 0; peer < size(); peer++) {
            if (peer != rank()) {
                receive(call, RESULTS, peer, ownPart(data, from, elements, peer, call.dtype().sizeBytes()));
            }
        }
    }

    /** The elements of a segment that a rank reduces. */
    private ByteBuffer ownPart(HostBytes data, long from, long elements, int rank, int width) {
        long start = from + elements * rank / size();
        long end = from + elements * (rank + 1) / size();
        return data.slice(start * width, (end - start) * width);
    }

    /** Reduces this rank's input with the same part of all others. The output may be the input. */
    private void reduceParts(CollectiveCall call, ByteBuffer input, ByteBuffer output) {
        Payload[] parts = new Payload[size()];
        for (int peer = 0; peer < size(); peer++) {
            if (peer != rank()) {
                parts[peer] = receive(call, PARTS, peer, input.remaining());
            }
        }
        ByteBuffer[] sources = new ByteBuffer[size()];
        for (int at = 0, block = 0; at < input.remaining(); at += Payload.BLOCK_BYTES, block++) {
            int bytes = Math.min(Payload.BLOCK_BYTES, input.remaining() - at);
            for (int peer = 0; peer < size(); peer++) {
                sources[peer] = peer == rank() ? part(input, at, bytes) : parts[peer].block(block);
            }
            HostReduction.reduce(call.dtype(), call.reduction(), sources, part(output, at, bytes), bytes / call.dtype().sizeBytes());
        }
        for (Payload part : parts) {
            if (part != null) {
                part.release();
            }
        }
    }

    @Override
    protected void reduceScatter(CollectiveCall call, HostBytes input, HostBytes output) {
        long total = output.size();
        sendSlices(call, input, 0, total);
        for (long from = 0; from < total; from += PART_BYTES) {
            if (from + PART_BYTES < total) {
                sendSlices(call, input, from + PART_BYTES, total);
            }
            long bytes = Math.min(PART_BYTES, total - from);
            reduceParts(call, input.slice(rank() * total + from, bytes), output.slice(from, bytes));
        }
    }

    private void sendSlices(CollectiveCall call, HostBytes input, long from, long total) {
        long bytes = Math.min(PART_BYTES, total - from);
        for (int peer = 0; peer < size(); peer++) {
            if (peer != rank()) {
                send(call, PARTS, peer, input.slice(peer * total + from, bytes));
            }
        }
    }

    @Override
    protected void allGather(CollectiveCall call, HostBytes input, HostBytes output) {
        long total = input.size();
        share(call, input.slice(0, Math.min(PART_BYTES, total)));
        for (long from = 0; from < total; from += PART_BYTES) {
            long next = from + PART_BYTES;
            if (next < total) {
                share(call, input.slice(next, Math.min(PART_BYTES, total - next)));
            }
            long bytes = Math.min(PART_BYTES, total - from);
            for (int peer = 0; peer < size(); peer++) {
                if (peer == rank()) {
                    output.slice(peer * total + from, bytes).put(input.slice(from, bytes));
                } else {
                    receive(call, RESULTS, peer, output.slice(peer * total + from, bytes));
                }
            }
        }
    }

    @Override
    protected void broadcast(CollectiveCall call, HostBytes data, int root) {
        for (long from = 0; from < data.size(); from += PART_BYTES) {
            ByteBuffer part = data.slice(from, Math.min(PART_BYTES, data.size() - from));
            if (rank() == root) {
                share(call, part);
            } else {
                receive(call, RESULTS, root, part);
            }
        }
    }

    @Override
    protected void allToAll(CollectiveCall call, HostBytes input, long[] sendBytes, HostBytes output, long[] receiveBytes) {
        long from = 0;
        ByteBuffer own = null;
        for (int peer = 0; peer < size(); peer++) {
            ByteBuffer slice = input.slice(from, sendBytes[peer]);
            if (peer == rank()) {
                own = slice;
            } else {
                send(call, PARTS, peer, slice);
            }
            from += sendBytes[peer];
        }
        long to = 0;
        for (int peer = 0; peer < size(); peer++) {
            ByteBuffer slice = output.slice(to, receiveBytes[peer]);
            if (peer == rank()) {
                requireBytes(call, peer, own.remaining(), slice.remaining());
                slice.put(own);
            } else {
                receive(call, PARTS, peer, slice);
            }
            to += receiveBytes[peer];
        }
    }

    @Override
    protected void synchronise(CollectiveCall call) {
        allGather(call, new byte[0]);
    }

    @Override
    protected List<byte[]> allGather(CollectiveCall call, byte[] value) {
        share(call, ByteBuffer.wrap(value));
        List<byte[]> values = new ArrayList<>();
        for (int peer = 0; peer < size(); peer++) {
            if (peer == rank()) {
                values.add(value);
                continue;
            }
            Payload payload = next(call, RESULTS, peer);
            byte[] bytes = new byte[payload == null ? 0 : Math.toIntExact(payload.sizeBytes())];
            if (payload != null) {
                payload.copyTo(ByteBuffer.wrap(bytes));
                payload.release();
            }
            values.add(bytes);
        }
        return values;
    }

    @Override
    protected void post(CollectiveCall message, HostBytes data, int peer) {
        ByteBuffer bytes = data.slice(0, data.size());
        if (peer == rank()) {
            world.deliver(ranks().get(peer), new Frame(Frame.Type.DATA, id, MESSAGES, message, payload(bytes)));
        } else {
            send(message, MESSAGES, peer, bytes);
        }
    }

    @Override
    protected void take(CollectiveCall message, HostBytes target, int peer) {
        receive(message, MESSAGES, peer, target.slice(0, target.size()));
    }

    @Override
    protected boolean hasMessages(int peer, int more) {
        return world.hasFrames(id, MESSAGES, ranks().get(peer), more);
    }

    /** One copy for all others. */
    private void share(CollectiveCall call, ByteBuffer data) {
        Payload payload = payload(data);
        if (payload != null) {
            payload.retain(size() - 1);
        }
        for (int peer = 0; peer < size(); peer++) {
            if (peer != rank()) {
                world.send(ranks().get(peer), new Frame(Frame.Type.DATA, id, RESULTS, call, payload), () -> where(call));
            }
        }
        if (payload != null) {
            payload.release();
        }
    }

    private void send(CollectiveCall call, int channel, int peer, ByteBuffer data) {
        world.send(ranks().get(peer), new Frame(Frame.Type.DATA, id, channel, call, payload(data)), () -> where(call));
    }

    private Payload payload(ByteBuffer data) {
        return data.hasRemaining() ? Payload.copyOf(world.pool(), data) : null;
    }

    private void receive(CollectiveCall call, int channel, int peer, ByteBuffer target) {
        Payload payload = receive(call, channel, peer, target.remaining());
        if (payload != null) {
            payload.copyTo(target);
            payload.release();
        }
    }

    private Payload receive(CollectiveCall call, int channel, int peer, int bytes) {
        Payload payload = next(call, channel, peer);
        requireBytes(call, peer, payload == null ? 0 : payload.sizeBytes(), bytes);
        return payload;
    }

    private Payload next(CollectiveCall call, int channel, int peer) {
        boolean fromOne = channel == MESSAGES || call.kind() == CollectiveCall.Kind.BROADCAST;
        List<Integer> senders = fromOne ? List.of(ranks().get(peer)) : ranks().subList(peer, size());
        Frame frame = world.receive(id, channel, ranks().get(peer), call, senders, () -> where(call));
        if (!frame.call().equals(call)) {
            throw world.failed(CollectiveCall.mismatch(name(), world.rank(), call, ranks().get(peer), frame.call()));
        }
        return frame.payload();
    }

    private void requireBytes(CollectiveCall call, int peer, long sent, long expected) {
        if (sent != expected) {
            throw world.failed(new CollectiveMismatchException(where(call) + ": rank " + ranks().get(peer) + " sends " + sent + " bytes to rank "
                    + world.rank() + ", which expects " + expected));
        }
    }

    private String where(CollectiveCall call) {
        return "group " + name() + " " + ranks() + ", " + call.describe();
    }

    private static ByteBuffer part(ByteBuffer buffer, long from, long bytes) {
        return buffer.slice(Math.toIntExact(from), Math.toIntExact(bytes)).order(buffer.order());
    }

    @Override
    public void abort(Throwable cause) {
        world.abort(cause);
    }

    @Override
    public void close() {
        // Connections belong to the world.
    }
}
