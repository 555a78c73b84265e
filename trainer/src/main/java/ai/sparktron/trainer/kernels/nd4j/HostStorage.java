package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.Storage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.buffer.DataBuffer;

/**
 * One ND4J data buffer. On the CPU it has an address, and views that are slices of windows of at most 2 GiB, which overlap by half so that any range up
 * to 1 GiB lies in one. With ND4J's GPU backend the memory is behind ND4J alone: the address is made up and there are no views.
 */
final class HostStorage implements Storage {

    static final int ALIGNMENT_BYTES = 256;

    private static final long WINDOW_STEP_BYTES = 1L << 30;

    private final DataBuffer buffer;
    private final boolean onHost;
    private final long address;
    private final long padding;
    private final long sizeBytes;
    private final HostMemory memory;
    private final ByteBuffer[] windows;
    private boolean closed;

    /** @param madeUpAddress what the block calls its address where the buffer is not in host memory, otherwise 0 */
    HostStorage(DataBuffer buffer, long sizeBytes, long madeUpAddress, HostMemory memory) {
        this.buffer = buffer;
        this.onHost = madeUpAddress == 0;
        long start = onHost ? buffer.addressPointer().address() : madeUpAddress;
        this.address = Math.floorDiv(start + ALIGNMENT_BYTES - 1, (long) ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
        this.padding = address - start;
        this.sizeBytes = sizeBytes;
        this.memory = memory;
        this.windows = new ByteBuffer[(int) ((sizeBytes + WINDOW_STEP_BYTES - 1) / WINDOW_STEP_BYTES)];
    }

    @Override
    public long address() {
        return address;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    /** The ND4J buffer, for arrays over ranges of this block. */
    DataBuffer buffer() {
        return buffer;
    }

    /** Bytes between the ND4J buffer's start and the block's. */
    long paddingBytes() {
        return padding;
    }

    @Override
    public ByteBuffer view(long byteOffset, long bytes) {
        if (closed) {
            throw new IllegalStateException("a view of a closed block of " + sizeBytes + " bytes");
        }
        if (byteOffset < 0 || bytes < 0 || byteOffset + bytes > sizeBytes) {
            throw new IllegalStateException("bytes " + byteOffset + " to " + (byteOffset + bytes) + " of a block of " + sizeBytes);
        }
        if (!onHost) {
            return null;
        }
        if (bytes > Integer.MAX_VALUE) {
            throw new IllegalStateException("a range of " + bytes + " bytes is larger than the 2 GiB that one kernel call on the CPU can take;"
                    + " cut the tensor into rows");
        }
        int window = (int) Math.min(byteOffset / WINDOW_STEP_BYTES, Math.max(0, windows.length - 1));
        long within = byteOffset - window * WINDOW_STEP_BYTES;
        if (within + bytes > Integer.MAX_VALUE) {
            return new Range(address + byteOffset, bytes).asByteBuffer().order(ByteOrder.nativeOrder());
        }
        if (windows[window] == null) {
            long start = window * WINDOW_STEP_BYTES;
            windows[window] = new Range(address + start, Math.min(Integer.MAX_VALUE, sizeBytes - start)).asByteBuffer();
        }
        return windows[window].slice((int) within, (int) bytes).order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
        if (closed) {
            throw new IllegalStateException("a block of " + sizeBytes + " bytes closed twice");
        }
        closed = true;
        memory.forget(this);
        buffer.close();
    }

    /** Bytes at an address that JavaCPP did not allocate and will not free. */
    private static final class Range extends BytePointer {
        Range(long address, long bytes) {
            super((Pointer) null);
            this.address = address;
            this.limit = bytes;
            this.capacity = bytes;
        }
    }
}
