package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.GrowingStorage;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.cuda.cudart.CUmemPoolHandle_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * Blocks of one GPU's memory, allocated and freed in the order of its stream from the device's pool, and ranges that grow, for what is large and lives long. The pool
 * gives freed bytes back to the device with {@link #trim}, or when this closes: bytes that lie between blocks in use would be lost to ranges. Blocks begin at
 * multiples of 256 bytes at least.
 */
public final class DeviceMemory implements Memory, AutoCloseable {

    private static final int MOST_NAMED = 8;

    private final CudaDevice device;
    private final CUmemPoolHandle_st pool = new CUmemPoolHandle_st();
    private final Set<DeviceBlock> open = new LinkedHashSet<>();
    private final Set<DeviceRange> ranges = new LinkedHashSet<>();
    private final boolean maps;
    private long freed;

    public DeviceMemory(CudaDevice device) {
        this.device = device;
        this.maps = device.mapsMemory();
        int[] handle = new int[1];
        CudaDevice.check(cudart.cuDeviceGet(handle, device.device()), "cuDeviceGet");
        CudaDevice.check(cudart.cuDeviceGetDefaultMemPool(pool, handle[0]), "cuDeviceGetDefaultMemPool");
        try (LongPointer never = new LongPointer(new long[] {-1L})) {
            CudaDevice.check(cudart.cuMemPoolSetAttribute(pool, cudart.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, never), "cuMemPoolSetAttribute");
        }
    }

    @Override
    public DeviceBlock allocate(long sizeBytes, String purpose) {
        if (sizeBytes < 1) {
            throw new IllegalStateException("a block of " + sizeBytes + " bytes for " + purpose + ": expected 1 or more");
        }
        device.requireNotRecording("allocating " + sizeBytes + " bytes for " + purpose);
        long[] address = new long[1];
        int result = cudart.cuMemAllocAsync(address, sizeBytes, device.stream());
        if (result == cudart.CUDA_ERROR_OUT_OF_MEMORY) {
            throw noRoom(sizeBytes, purpose);
        }
        CudaDevice.check(result, "cuMemAllocAsync of " + sizeBytes + " bytes for " + purpose);
        DeviceBlock block = new DeviceBlock(address[0], sizeBytes, purpose, this);
        open.add(block);
        return block;
    }

    @Override
    public Optional<GrowingStorage> growing(String purpose) {
        if (!maps) {
            return Optional.empty();
        }
        DeviceRange range = new DeviceRange(device, this, purpose);
        ranges.add(range);
        return Optional.of(range);
    }

    OutOfDeviceMemoryException noRoom(long sizeBytes, String purpose) {
        return new OutOfDeviceMemoryException("no room for " + sizeBytes + " bytes for " + purpose + " on GPU " + device.device() + " (" + device.name()
                + "): " + freeBytes() + " bytes are free, " + openBytes() + " are held by this engine (" + largest()
                + "), the rest by others on this device; lower micro_batch_size or max_length, recompute activations, or use more ranks");
    }

    /** What a block or range is for, and its size. */
    private record Holding(String purpose, long bytes) {
    }

    private Stream<Holding> holdings() {
        return Stream.concat(open.stream().map(block -> new Holding(block.purpose(), block.sizeBytes())),
                ranges.stream().map(range -> new Holding(range.purpose(), range.sizeBytes())));
    }

    private String largest() {
        List<Holding> sorted = holdings().sorted(Comparator.comparingLong(Holding::bytes).reversed()).toList();
        String named = sorted.stream().limit(MOST_NAMED).map(holding -> holding.purpose() + " " + holding.bytes()).collect(Collectors.joining(", "));
        return sorted.size() > MOST_NAMED ? named + " and " + (sorted.size() - MOST_NAMED) + " smaller blocks" : named;
    }

    /** Bytes of blocks and ranges that are not closed. */
    public long openBytes() {
        return holdings().mapToLong(Holding::bytes).sum();
    }

    /** Bytes that the pool has of the device, in use or kept for new blocks. */
    public long pooledBytes() {
        try (LongPointer bytes = new LongPointer(1)) {
            CudaDevice.check(cudart.cuMemPoolGetAttribute(pool, cudart.CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, bytes), "cuMemPoolGetAttribute");
            return bytes.get();
        }
    }

    /** Waits for the device and gives it back what the pool keeps for new blocks. */
    public void trim() {
        device.synchronize();
        CudaDevice.check(cudart.cuMemPoolTrimTo(pool, 0), "cuMemPoolTrimTo");
    }

    /** Bytes of the device that no one holds; what the pool keeps for new blocks is not counted. */
    public long freeBytes() {
        try (SizeTPointer free = new SizeTPointer(1); SizeTPointer total = new SizeTPointer(1)) {
            CudaDevice.check(cudart.cuMemGetInfo(free, total), "cuMemGetInfo");
            return free.get();
        }
    }

    /** Bytes of the device in all. */
    public long totalBytes() {
        try (SizeTPointer free = new SizeTPointer(1); SizeTPointer total = new SizeTPointer(1)) {
            CudaDevice.check(cudart.cuMemGetInfo(free, total), "cuMemGetInfo");
            return total.get();
        }
    }

    /** A range is closing. */
    void forget(DeviceRange range) {
        device.requireNotRecording("freeing " + range.purpose());
        freed++;
        ranges.remove(range);
    }

    /** Number of blocks and ranges freed so far: while it stays, addresses that were in use still are. */
    long freed() {
        return freed;
    }

    void free(DeviceBlock block) {
        device.requireNotRecording("freeing " + block.purpose());
        freed++;
        open.remove(block);
        CudaDevice.check(cudart.cuMemFreeAsync(block.address(), device.stream()), "cuMemFreeAsync of " + block.purpose());
    }

    /** Frees what is still open and gives the pool's bytes back to the device; also after a failure on the device, which is not reported again here. */
    @Override
    public void close() {
        for (DeviceBlock block : List.copyOf(open)) {
            open.remove(block);
            cudart.cuMemFreeAsync(block.address(), device.stream());
        }
        cudart.cuStreamSynchronize(device.stream());
        cudart.cuMemPoolTrimTo(pool, 0);
        ranges.forEach(DeviceRange::release);
        ranges.clear();
    }
}
