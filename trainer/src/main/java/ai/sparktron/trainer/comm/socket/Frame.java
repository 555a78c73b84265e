package ai.sparktron.trainer.comm.socket;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.tensor.DType;
import java.nio.ByteBuffer;

/**
 * One frame on a connection: a header of fixed size and a payload.
 *
 * @param type    what it is
 * @param group   id of the group, 0 where there is none
 * @param channel which queue of the pair it belongs to, see {@link SocketCommunicator}
 * @param call    what the sender is doing, null for frames that are not data
 * @param payload may be null for no bytes
 */
record Frame(Type type, long group, int channel, CollectiveCall call, Payload payload) {

    /** Kinds of frames. */
    enum Type {
        DATA, ABORT, LEAVE
    }

    static final int HEADER_BYTES = 64;
    private static final int MAGIC = 0x53544631;

    long payloadBytes() {
        return payload == null ? 0 : payload.sizeBytes();
    }

    void writeHeader(ByteBuffer buffer) {
        buffer.clear();
        buffer.putInt(MAGIC).putInt(type.ordinal()).putLong(group).putInt(channel);
        buffer.putInt(call == null ? -1 : call.kind().ordinal());
        buffer.putInt(call == null || call.reduction() == null ? -1 : call.reduction().ordinal());
        buffer.putInt(call == null || call.dtype() == null ? -1 : call.dtype().ordinal());
        buffer.putLong(call == null ? 0 : call.sequence()).putLong(call == null ? 0 : call.elements());
        buffer.putInt(call == null ? 0 : call.root()).putInt(0).putLong(payloadBytes());
        buffer.flip();
    }

    /** The header's frame with an empty payload of the right size. @throws IllegalStateException when the bytes are no header */
    static Frame readHeader(ByteBuffer buffer, Payload.Pool pool) {
        int magic = buffer.getInt();
        if (magic != MAGIC) {
            throw new IllegalStateException("frame starts with " + Integer.toHexString(magic) + ", expected " + Integer.toHexString(MAGIC));
        }
        Type type = Type.values()[buffer.getInt()];
        long group = buffer.getLong();
        int channel = buffer.getInt();
        int kind = buffer.getInt();
        int reduction = buffer.getInt();
        int dtype = buffer.getInt();
        long sequence = buffer.getLong();
        long elements = buffer.getLong();
        int root = buffer.getInt();
        buffer.getInt();
        long bytes = buffer.getLong();
        CollectiveCall call = kind < 0 ? null : new CollectiveCall(CollectiveCall.Kind.values()[kind], sequence,
                reduction < 0 ? null : Reduction.values()[reduction], dtype < 0 ? null : DType.values()[dtype], elements, root);
        return new Frame(type, group, channel, call, bytes == 0 ? null : Payload.empty(pool, bytes));
    }
}
