package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import ai.sparktron.trainer.tensor.Storage;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;

/** Page-locked blocks of the host's memory, which a GPU copies from and to at its full rate while kernels run. */
final class PinnedMemory implements Memory, AutoCloseable {

    private final Set<Block> open = new LinkedHashSet<>();

    @Override
    public Storage allocate(long sizeBytes, String purpose) {
        try (PointerPointer<BytePointer> out = new PointerPointer<>(1)) {
            int result = cudart.cuMemHostAlloc(out, sizeBytes, 0);
            if (result == cudart.CUDA_ERROR_OUT_OF_MEMORY) {
                throw new OutOfDeviceMemoryException("no room for " + sizeBytes + " page-locked bytes of the host for " + purpose + "; "
                        + open.stream().mapToLong(Block::sizeBytes).sum() + " are held by this rank. Lower --optimizer_offload_fraction, keep narrower moments"
                        + " (--exp_avg_dtype, --exp_avg_sq_dtype), or give the host, or this container, more memory");
            }
            CudaDevice.check(result, "cuMemHostAlloc of " + sizeBytes + " bytes for " + purpose);
            Block block = new Block(out.get(BytePointer.class, 0).address(), sizeBytes);
            open.add(block);
            return block;
        }
    }

    /** Frees what is still open; also after a failure on the device, which is not reported again here. */
    @Override
    public void close() {
        List.copyOf(open).forEach(Block::close);
    }

    private final class Block implements Storage {
        private final long address;
        private final long sizeBytes;

        Block(long address, long sizeBytes) {
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
            return HostAddress.bytes(address + byteOffset, bytes);
        }

        @Override
        public void close() {
            if (!open.remove(this)) {
                throw new IllegalStateException("a page-locked block of " + sizeBytes + " bytes closed twice");
            }
            cudart.cuMemFreeHost(new HostAddress().at(address));
        }
    }
}
