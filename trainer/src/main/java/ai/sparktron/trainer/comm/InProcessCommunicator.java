package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.comm.InProcessGroup.Message;
import ai.sparktron.trainer.comm.InProcessGroup.Offer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One member's end of a group of threads. */
final class InProcessCommunicator extends HostCommunicator {

    private final InProcessGroup group;
    private final int worldRank;

    InProcessCommunicator(InProcessGroup group, int worldRank) {
        super(group.name(), worldRank, group.ranks());
        this.group = group;
        this.worldRank = worldRank;
    }

    @Override
    protected void allReduce(CollectiveCall call, HostBytes data) {
        int width = call.dtype().sizeBytes();
        group.meet(rank(), offer(call, data, data), offers -> {
            long end = call.elements() * (rank() + 1) / size() * width;
            for (long from = call.elements() * rank() / size() * width; from < end; from += HostBytes.PIECE_BYTES) {
                long bytes = Math.min(HostBytes.PIECE_BYTES, end - from);
                ByteBuffer mine = data.slice(from, bytes);
                HostReduction.reduce(call.dtype(), call.reduction(), inputs(offers, from, bytes), mine, bytes / width);
                for (int other = 0; other < size(); other++) {
                    if (other != rank()) {
                        offers[other].output().slice(from, bytes).put(mine.duplicate());
                    }
                }
            }
        });
    }

    @Override
    protected void reduceScatter(CollectiveCall call, HostBytes input, HostBytes output) {
        long total = output.size();
        group.meet(rank(), offer(call, input, output), offers -> {
            for (long from = 0; from < total; from += HostBytes.PIECE_BYTES) {
                long bytes = Math.min(HostBytes.PIECE_BYTES, total - from);
                HostReduction.reduce(call.dtype(), call.reduction(), inputs(offers, rank() * total + from, bytes), output.slice(from, bytes),
                        bytes / call.dtype().sizeBytes());
            }
        });
    }

    @Override
    protected void allGather(CollectiveCall call, HostBytes input, HostBytes output) {
        long bytes = input.size();
        group.meet(rank(), offer(call, input, output), offers -> {
            for (int other = 0; other < size(); other++) {
                output.copyFrom(offers[other].input(), 0, other * bytes, bytes);
            }
        });
    }

    @Override
    protected void broadcast(CollectiveCall call, HostBytes data, int root) {
        group.meet(rank(), offer(call, data, data), offers -> {
            if (rank() != root) {
                data.copyFrom(offers[root].input(), 0, 0, data.size());
            }
        });
    }

    @Override
    protected void allToAll(CollectiveCall call, HostBytes input, long[] sendBytes, HostBytes output, long[] receiveBytes) {
        Offer offer = new Offer(call, input, output, sendBytes, receiveBytes, null);
        group.meet(rank(), offer, offers -> {
            long at = 0;
            for (int other = 0; other < size(); other++) {
                long before = Arrays.stream(offers[other].sendBytes(), 0, rank()).sum();
                output.copyFrom(offers[other].input(), before, at, receiveBytes[other]);
                at += receiveBytes[other];
            }
        });
    }

    @Override
    protected void post(CollectiveCall message, HostBytes data, int peer) {
        byte[] copy = new byte[Math.toIntExact(data.size())];
        data.slice(0, copy.length).get(copy);
        group.post(rank(), peer, new Message(message, copy));
    }

    @Override
    protected void take(CollectiveCall message, HostBytes target, int peer) {
        byte[] bytes = group.take(peer, rank(), message).bytes();
        target.slice(0, bytes.length).put(bytes);
    }

    @Override
    protected boolean hasMessages(int peer, int more) {
        return group.hasMessage(peer, rank(), more);
    }

    @Override
    protected void synchronise(CollectiveCall call) {
        group.meet(rank(), offer(call, null, null), offers -> { });
    }

    @Override
    protected List<byte[]> allGather(CollectiveCall call, byte[] value) {
        List<byte[]> values = new ArrayList<>();
        group.meet(rank(), new Offer(call, null, null, null, null, value), offers -> {
            for (Offer offer : offers) {
                values.add(offer.value().clone());
            }
        });
        return values;
    }

    @Override
    public void abort(Throwable cause) {
        group.hub().abort(worldRank, cause);
    }

    @Override
    public void close() {
        // Nothing is held: the hub keeps the group for as long as its world lives.
    }

    private static Offer offer(CollectiveCall call, HostBytes input, HostBytes output) {
        return new Offer(call, input, output, null, null, null);
    }

    private static ByteBuffer[] inputs(Offer[] offers, long from, long bytes) {
        ByteBuffer[] inputs = new ByteBuffer[offers.length];
        for (int i = 0; i < offers.length; i++) {
            inputs[i] = offers[i].input().slice(from, bytes);
        }
        return inputs;
    }
}
