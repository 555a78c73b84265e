package ai.sparktron.trainer.kernels.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * On the device, where the documents of a layout begin, in elements of tensors of given row strides, and how long they are. Kept until another layout comes:
 * layers follow each other with the same one. Documents past the last are empty.
 */
final class CudnnOffsets implements AutoCloseable {

    /** Strides that one layout is met with: of q, k, v, output and sums, merged and not, and of layers that differ. */
    private static final int MOST_STRIDES = 16;
    private static final int ALIGNMENT_BYTES = 256;

    private final DeviceMemory memory;
    private final Staging staging;
    private final long[] strides = new long[MOST_STRIDES];
    private int known;
    private int[] starts;
    private int batch;
    private DeviceBlock block;
    private ByteBuffer host = ByteBuffer.allocate(0);

    CudnnOffsets(DeviceMemory memory, Staging staging) {
        this.memory = memory;
        this.staging = staging;
    }

    /** Whether it is of this layout. */
    boolean isOf(int[] documentStarts, int documents) {
        return documentStarts == starts && documents == batch;
    }

    /** Which layout is asked for from now on. @param documentStarts with the number of tokens as last entry; not changed later */
    void use(int[] documentStarts, int documents) {
        starts = documentStarts;
        batch = documents;
        known = 0;
        long bytes = partBytes() * (MOST_STRIDES + 1);
        if (block == null || block.sizeBytes() < bytes) {
            close();
            block = memory.allocate(bytes, "offsets of documents");
        }
        ByteBuffer lengths = room(batch * Integer.BYTES);
        for (int d = 0; d < batch; d++) {
            lengths.putInt(d + 1 < starts.length ? starts[d + 1] - starts[d] : 0);
        }
        staging.write(lengths(), lengths.flip());
    }

    private long partBytes() {
        return ((batch + 1L) * Long.BYTES + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    }

    private ByteBuffer room(int bytes) {
        if (host.capacity() < bytes) {
            host = ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
        }
        return host.clear();
    }

    /** Address of each document's number of tokens, 32 bits each. */
    long lengths() {
        return block.address();
    }

    /** Address of each document's first element in a tensor whose rows are so far apart, and the end's, 64 bits each. */
    long of(long stride) {
        for (int i = 0; i < known; i++) {
            if (strides[i] == stride) {
                return block.address() + partBytes() * (i + 1);
            }
        }
        if (known == MOST_STRIDES) {
            throw new IllegalStateException("a layout with more than " + MOST_STRIDES + " row strides: " + Arrays.toString(strides) + " and " + stride);
        }
        strides[known++] = stride;
        ByteBuffer offsets = room((batch + 1) * Long.BYTES);
        for (int d = 0; d <= batch; d++) {
            offsets.putLong(starts[Math.min(d, starts.length - 1)] * stride);
        }
        long address = block.address() + partBytes() * known;
        staging.write(address, offsets.flip());
        return address;
    }

    @Override
    public void close() {
        if (block != null) {
            block.close();
            block = null;
        }
    }

    /** The places of a packed plan that offsets and lengths go to. */
    static final class Slots {
        private final CudnnPlan plan;
        private final int[] ofQueries;
        private final long[] queryStrides;
        private final int[] ofKeys;
        private final long[] keyStrides;
        private final int queryLengths;
        private final int keyLengths;

        /** Of a plan; gradients share the places of their tensors. */
        Slots(CudnnPlan plan, CudnnAttentionGraph parts) {
            this.plan = plan;
            this.ofQueries = new int[] {plan.index(parts.qOffsets), plan.index(parts.outOffsets), plan.index(parts.sumsOffsets)};
            this.queryStrides = new long[] {parts.key.qStride, parts.key.outStride, parts.key.sumsStride};
            this.ofKeys = new int[] {plan.index(parts.kOffsets), plan.index(parts.vOffsets)};
            this.keyStrides = new long[] {parts.key.kStride, parts.key.vStride};
            this.queryLengths = plan.index(parts.queryLengths);
            this.keyLengths = plan.index(parts.keyLengths);
        }

        void fill(CudnnOffsets queries, CudnnOffsets keys) {
            for (int i = 0; i < ofQueries.length; i++) {
                plan.at(ofQueries[i], queries.of(queryStrides[i]));
            }
            for (int i = 0; i < ofKeys.length; i++) {
                plan.at(ofKeys[i], keys.of(keyStrides[i]));
            }
            plan.at(queryLengths, queries.lengths()).at(keyLengths, keys.lengths());
        }
    }
}
