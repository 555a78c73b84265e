package ai.sparktron.trainer.comm;

import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The bytes of a contiguous host tensor. A buffer of Java ends at 2 GiB and a flat gradient does not, so bytes are reached in slices.
 */
public final class HostBytes {

    /** Longest slice that callers ask for: a multiple of every element's size. */
    public static final int PIECE_BYTES = 64 << 20;

    /** No bytes at all. */
    static final HostBytes NONE = new HostBytes(null, ByteBuffer.allocateDirect(0));

    private final Tensor tensor;
    private final ByteBuffer whole;

    private HostBytes(Tensor tensor, ByteBuffer whole) {
        this.tensor = tensor;
        this.whole = whole;
    }

    /**
     * The bytes of a tensor.
     *
     * @param group for the message
     * @throws IllegalArgumentException when the tensor has gaps between its rows or does not lie in host memory
     */
    static HostBytes of(Tensor tensor, String group) {
        if (!tensor.isContiguous()) {
            throw new IllegalArgumentException("tensor " + tensor + " in group " + group + ": expected a contiguous tensor; copy the columns out first");
        }
        boolean large = tensor.sizeBytes() > 1L << 30;
        Object view = large ? tensor.storage().view(tensor.address() - tensor.storage().address(), 1) : tensor.view();
        if (!(view instanceof ByteBuffer bytes)) {
            throw new IllegalArgumentException("tensor " + tensor + " in group " + group + ": expected host memory; device tensors need a communicator of"
                    + " their device");
        }
        return new HostBytes(tensor, large ? null : bytes);
    }

    /** Number of bytes. */
    public long size() {
        return tensor == null ? 0 : tensor.sizeBytes();
    }

    /** A range of them, from position 0 of the answer to its limit; shares memory. */
    public ByteBuffer slice(long from, long bytes) {
        ByteBuffer slice = whole != null ? whole.slice(Math.toIntExact(from), Math.toIntExact(bytes))
                : (ByteBuffer) tensor.storage().view(tensor.address() - tensor.storage().address() + from, bytes);
        return slice.order(ByteOrder.nativeOrder());
    }

    /** Copies a range of another tensor's bytes over a range of these, which may be the same memory. */
    void copyFrom(HostBytes source, long sourceFrom, long from, long bytes) {
        for (long at = 0; at < bytes; at += PIECE_BYTES) {
            long count = Math.min(PIECE_BYTES, bytes - at);
            slice(from + at, count).put(source.slice(sourceFrom + at, count));
        }
    }
}
