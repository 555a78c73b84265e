package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.GrowingStorage;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.CUmemAccessDesc_v1;
import org.bytedeco.cuda.cudart.CUmemAllocationProp_v1;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * Addresses as many as the device has bytes, behind which memory is put as it is needed. Growing waits for nothing that runs; closing waits for everything, since memory
 * is gone at once.
 */
final class DeviceRange implements GrowingStorage {

    /** Least that is added at a time: mapping takes some tens of microseconds. */
    private static final long LEAST_BYTES = 32L << 20;

    private final CudaDevice device;
    private final DeviceMemory memory;
    private final String purpose;
    private final long address;
    private final long reservedBytes;
    private final long granularity;
    private final List<Piece> pieces = new ArrayList<>();
    private long sizeBytes;
    private boolean closed;

    /** Memory behind some of the addresses. */
    private record Piece(long handle, long address, long bytes) {
    }

    DeviceRange(CudaDevice device, DeviceMemory memory, String purpose) {
        this.device = device;
        this.memory = memory;
        this.purpose = purpose;
        try (CUmemAllocationProp_v1 kind = kind(); SizeTPointer least = new SizeTPointer(1)) {
            CudaDevice.check(cudart.cuMemGetAllocationGranularity(least, kind, cudart.CU_MEM_ALLOC_GRANULARITY_RECOMMENDED), "cuMemGetAllocationGranularity");
            this.granularity = least.get();
        }
        this.reservedBytes = rounded(memory.totalBytes());
        long[] reserved = new long[1];
        CudaDevice.check(cudart.cuMemAddressReserve(reserved, reservedBytes, 0, 0, 0), "cuMemAddressReserve of " + reservedBytes + " addresses for " + purpose);
        this.address = reserved[0];
    }

    private CUmemAllocationProp_v1 kind() {
        CUmemAllocationProp_v1 kind = new CUmemAllocationProp_v1();
        kind.zero();
        kind.type(cudart.CU_MEM_ALLOCATION_TYPE_PINNED);
        kind.location().type(cudart.CU_MEM_LOCATION_TYPE_DEVICE).id(device.device());
        return kind;
    }

    private long rounded(long bytes) {
        return (bytes + granularity - 1) / granularity * granularity;
    }

    @Override
    public void grow(long least) {
        if (least <= sizeBytes) {
            return;
        }
        requireOpen();
        device.requireNotRecording("growing " + purpose);
        long bytes = rounded(Math.max(least - sizeBytes, LEAST_BYTES));
        if (sizeBytes + bytes > reservedBytes) {
            bytes = rounded(least - sizeBytes);
        }
        if (sizeBytes + bytes > reservedBytes) {
            throw memory.noRoom(bytes, purpose);
        }
        pieces.add(piece(address + sizeBytes, bytes));
        sizeBytes += bytes;
    }

    private Piece piece(long at, long bytes) {
        long[] handle = new long[1];
        try (CUmemAllocationProp_v1 kind = kind(); CUmemAccessDesc_v1 access = new CUmemAccessDesc_v1()) {
            int result = cudart.cuMemCreate(handle, bytes, kind, 0);
            if (result == cudart.CUDA_ERROR_OUT_OF_MEMORY) {
                throw memory.noRoom(bytes, purpose);
            }
            CudaDevice.check(result, "cuMemCreate of " + bytes + " bytes for " + purpose);
            Piece piece = new Piece(handle[0], at, bytes);
            int mapped = cudart.cuMemMap(at, bytes, 0, handle[0], 0);
            if (mapped == cudart.CUDA_SUCCESS) {
                access.zero();
                access.location().type(cudart.CU_MEM_LOCATION_TYPE_DEVICE).id(device.device());
                access.flags(cudart.CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
                mapped = cudart.cuMemSetAccess(at, bytes, access, 1);
                if (mapped != cudart.CUDA_SUCCESS) {
                    cudart.cuMemUnmap(at, bytes);
                }
            }
            if (mapped != cudart.CUDA_SUCCESS) {
                cudart.cuMemRelease(handle[0]);
            }
            CudaDevice.check(mapped, "mapping " + bytes + " bytes for " + purpose);
            return piece;
        }
    }

    String purpose() {
        return purpose;
    }

    @Override
    public long address() {
        return address;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    /** Kernels go by address: null. */
    @Override
    public Object view(long byteOffset, long bytes) {
        requireOpen();
        return null;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the closed range of " + sizeBytes + " bytes for " + purpose + " is used");
        }
    }

    /** Waits for the device and gives the memory back to it. */
    @Override
    public void close() {
        if (closed) {
            throw new IllegalStateException("the range of " + sizeBytes + " bytes for " + purpose + " closed twice");
        }
        memory.forget(this);
        CudaDevice.check(release(), "giving back " + sizeBytes + " bytes of " + purpose);
    }

    /** As {@link #close}, also after a failure on the device. @return the first error, or success */
    int release() {
        closed = true;
        int first = cudart.cuCtxSynchronize();
        for (Piece piece : pieces) {
            first = first(first, cudart.cuMemUnmap(piece.address, piece.bytes));
            first = first(first, cudart.cuMemRelease(piece.handle));
        }
        pieces.clear();
        return first(first, cudart.cuMemAddressFree(address, reservedBytes));
    }

    private static int first(int before, int now) {
        return before == cudart.CUDA_SUCCESS ? now : before;
    }
}
