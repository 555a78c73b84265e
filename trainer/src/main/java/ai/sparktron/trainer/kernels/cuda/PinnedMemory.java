package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import ai.sparktron.trainer.tensor.Storage;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/**
 * Page-locked blocks of the host's memory, zeros at first, which a GPU copies from and to at its full rate while kernels run. All threads of the host touch a block's pages
 * before they are locked: the driver would bring them in one after the other, which takes long for tens of gigabytes.
 */
final class PinnedMemory implements Memory, AutoCloseable {

    /** Locked memory begins and ends at pages, so that no two blocks share one. */
    private static final long PAGE_BYTES = 4096;
    private static final long TOUCHED_BYTES = 64L << 20;

    private final Set<Block> open = new LinkedHashSet<>();

    @Override
    public Storage allocate(long sizeBytes, String purpose) {
        long lockedBytes = pages(sizeBytes);
        Pointer raw = Pointer.malloc(lockedBytes + PAGE_BYTES);
        if (raw == null || raw.isNull()) {
            throw noRoom(sizeBytes, purpose);
        }
        long address = pages(raw.address());
        LongStream.range(0, (lockedBytes + TOUCHED_BYTES - 1) / TOUCHED_BYTES).parallel().map(piece -> piece * TOUCHED_BYTES)
                .forEach(from -> Pointer.memset(new NativeAddress().at(address + from), 0, Math.min(TOUCHED_BYTES, lockedBytes - from)));
        int result = cudart.cuMemHostRegister(new NativeAddress().at(address), lockedBytes, 0);
        if (result != cudart.CUDA_SUCCESS) {
            Pointer.free(raw);
        }
        if (result == cudart.CUDA_ERROR_OUT_OF_MEMORY) {
            throw noRoom(sizeBytes, purpose);
        }
        CudaDevice.check(result, "cuMemHostRegister of " + lockedBytes + " bytes for " + purpose);
        Block block = new Block(raw, address, sizeBytes);
        open.add(block);
        return block;
    }

    private static long pages(long bytes) {
        return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }

    private OutOfDeviceMemoryException noRoom(long sizeBytes, String purpose) {
        return new OutOfDeviceMemoryException("no room for " + sizeBytes + " page-locked bytes of the host for " + purpose + "; "
                + open.stream().mapToLong(Block::sizeBytes).sum() + " are held by this rank. Lower --optimizer_offload_fraction, keep narrower moments"
                + " (--exp_avg_dtype, --exp_avg_sq_dtype), or give the host, or this container, more memory");
    }

    /** Frees what is still open; also after a failure on the device, which is not reported again here. */
    @Override
    public void close() {
        List.copyOf(open).forEach(Block::close);
    }

    private final class Block implements Storage {
        private final Pointer raw;
        private final long address;
        private final long sizeBytes;

        /** @param raw what the host's allocator gave, which begins before the address */
        Block(Pointer raw, long address, long sizeBytes) {
            this.raw = raw;
            this.address = address;
            this.sizeBytes = sizeBytes;
        }

        @Override
        public long address() {
            return address;
        }

        @Override
        public long sizeBytes() {
            return sizeBytes;
        }

        @Override
        public Object view(long byteOffset, long bytes) {
            if (!open.contains(this) || byteOffset < 0 || byteOffset + bytes > sizeBytes || bytes > Integer.MAX_VALUE) {
                throw new IllegalStateException("bytes " + byteOffset + " to " + (byteOffset + bytes) + " of " + (open.contains(this) ? "a" : "a closed")
                        + " block of " + sizeBytes + ": expected a range inside of it of 2 GiB at most");
            }
            return NativeAddress.bytes(address + byteOffset, bytes);
        }

        @Override
        public void close() {
            if (!open.remove(this)) {
                throw new IllegalStateException("a page-locked block of " + sizeBytes + " bytes closed twice");
            }
            cudart.cuMemHostUnregister(new NativeAddress().at(address));
            Pointer.free(raw);
        }
    }
}
