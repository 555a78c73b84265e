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
    protected void allReduce(CollectiveCall call, ByteBuffer data) {
        int width = call.dtype().sizeBytes();
        group.meet(rank(), offer(call, data, data), offers -> {
            long from = call.elements() * rank() / size();
            long count = call.elements() * (rank() + 1) / size() - from;
            ByteBuffer mine = part(data, from * width, count * width);
            HostReduction.reduce(call.dtype(), call.reduction(), inputs(offers, from * width, count * width), mine, count);
            for (int other = 0; other < size(); other++) {
                if (other != rank()) {
                    part(offers[other].output(), from * width, count * width).put(mine.duplicate());
                }
            }
        });
    }

    @Override
    protected void reduceScatter(CollectiveCall call, ByteBuffer input, ByteBuffer output) {
        long bytes = output.remaining();
        group.meet(rank(), offer(call, input, output), offers -> HostReduction.reduce(call.dtype(), call.reduction(),
                inputs(offers, rank() * bytes, bytes), output, call.elements()));
    }

    @Override
    protected void allGather(CollectiveCall call, ByteBuffer input, ByteBuffer output) {
        long bytes = input.remaining();
        group.meet(rank(), offer(call, input, output), offers -> {
            for (int other = 0; other < size(); other++) {
                part(output, other * bytes, bytes).put(offers[other].input().duplicate());
            }
        });
    }

    @Override
    protected void broadcast(CollectiveCall call, ByteBuffer data, int root) {
        group.meet(rank(), offer(call, data, data), offers -> {
            if (rank() != root) {
                data.duplicate().put(offers[root].input().duplicate());
            }
        });
    }

    @Override
    protected void allToAll(CollectiveCall call, ByteBuffer input, long[] sendBytes, ByteBuffer output, long[] receiveBytes) {
        Offer offer = new Offer(call, input, output, sendBytes, receiveBytes, null);
        group.meet(rank(), offer, offers -> {
            long at = 0;
            for (int other = 0; other < size(); other++) {
                long before = Arrays.stream(offers[other].sendBytes(), 0, rank()).sum();
                part(output, at, receiveBytes[other]).put(part(offers[other].input(), before, receiveBytes[other]));
                at += receiveBytes[other];
            }
        });
    }

    @Override
    protected void post(CollectiveCall message, ByteBuffer data, int peer) {
        byte[] copy = new byte[data.remaining()];
        data.get(copy);
        group.post(rank(), peer, new Message(message, copy));
    }

    @Override
    protected void take(CollectiveCall message, ByteBuffer target, int peer) {
        target.duplicate().put(group.take(peer, rank(), message).bytes());
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

    private static Offer offer(CollectiveCall call, ByteBuffer input, ByteBuffer output) {
        return new Offer(call, input, output, null, null, null);
    }

    private static ByteBuffer[] inputs(Offer[] offers, long from, long bytes) {
        ByteBuffer[] inputs = new ByteBuffer[offers.length];
        for (int i = 0; i < offers.length; i++) {
            inputs[i] = part(offers[i].input(), from, bytes);
        }
        return inputs;
    }

    private static ByteBuffer part(ByteBuffer buffer, long from, long bytes) {
        return buffer.slice(Math.toIntExact(from), Math.toIntExact(bytes)).order(buffer.order());
    }
}
