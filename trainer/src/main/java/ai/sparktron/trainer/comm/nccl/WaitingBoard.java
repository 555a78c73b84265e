package ai.sparktron.trainer.comm.nccl;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.HostCommunicator;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What the members of a group say they have been waiting in for long. Nobody waits for an answer: a member that is through meanwhile has nothing to say. Used by
 * one thread.
 */
final class WaitingBoard {

    private static final int TEXT_BYTES = 256;

    private final HostCommunicator hosts;
    private final Tensor[] texts;
    private final Transfer[] incoming;
    private final String[] waitingIn;

    /** @param hosts of the members, this board's alone */
    WaitingBoard(HostCommunicator hosts) {
        this.hosts = hosts;
        this.texts = new Tensor[hosts.size()];
        this.incoming = new Transfer[hosts.size()];
        this.waitingIn = new String[hosts.size()];
        for (int peer = 0; peer < hosts.size(); peer++) {
            waitingIn[peer] = "";
            if (peer != hosts.rank()) {
                texts[peer] = text("");
                incoming[peer] = hosts.receive(texts[peer], peer);
            }
        }
    }

    HostCommunicator hosts() {
        return hosts;
    }

    /** Tells the others that this rank has been in a call for long. */
    void announce(CollectiveCall call) {
        for (int peer = 0; peer < hosts.size(); peer++) {
            if (peer != hosts.rank()) {
                hosts.send(text(call.describe()), peer).await();
            }
        }
    }

    /** World ranks of the members that have not said that they are in this call. Takes in what has arrived. */
    List<Integer> notIn(CollectiveCall call) {
        List<Integer> others = new ArrayList<>();
        for (int peer = 0; peer < hosts.size(); peer++) {
            if (peer == hosts.rank()) {
                continue;
            }
            while (incoming[peer].isDone()) {
                incoming[peer].await();
                waitingIn[peer] = StandardCharsets.UTF_8.decode(((ByteBuffer) texts[peer].view()).duplicate().rewind()).toString().trim();
                incoming[peer] = hosts.receive(texts[peer], peer);
            }
            if (!waitingIn[peer].equals(call.describe())) {
                others.add(hosts.ranks().get(peer));
            }
        }
        return others;
    }

    /** What a member said last; empty when nothing. */
    String saying(int worldRank) {
        return waitingIn[hosts.ranks().indexOf(worldRank)];
    }

    private static Tensor text(String text) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(TEXT_BYTES).order(ByteOrder.nativeOrder());
        byte[] letters = text.getBytes(StandardCharsets.UTF_8);
        bytes.put(letters, 0, Math.min(letters.length, TEXT_BYTES));
        while (bytes.hasRemaining()) {
            bytes.put((byte) ' ');
        }
        return Tensor.of("text", DType.U8, Shape.of(TEXT_BYTES), new Block(bytes.rewind()), 0);
    }

    private record Block(ByteBuffer bytes) implements Storage {
        @Override
        public long address() {
            return 0;
        }

        @Override
        public long sizeBytes() {
            return bytes.capacity();
        }

        @Override
        public Object view(long byteOffset, long size) {
            return bytes.slice((int) byteOffset, (int) size).order(ByteOrder.nativeOrder());
        }

        @Override
        public void close() {
            // Left to the collector.
        }
    }
}
