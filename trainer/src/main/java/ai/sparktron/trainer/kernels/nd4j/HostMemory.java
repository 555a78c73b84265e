package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.factory.Nd4j;

/** Blocks of host memory as ND4J data buffers; an engine closes those that are left. */
final class HostMemory implements Memory {

    /** Far above what user processes map. */
    private static final long FIRST_MADE_UP_ADDRESS = 1L << 56;

    private final List<HostStorage> open = new ArrayList<>();
    private long nextMadeUpAddress = FIRST_MADE_UP_ADDRESS;

    @Override
    public HostStorage allocate(long sizeBytes, String purpose) {
        if (sizeBytes < 1) {
            throw new IllegalStateException("a block of " + sizeBytes + " bytes for " + purpose + ": expected 1 or more");
        }
        long floats = (sizeBytes + Float.BYTES - 1) / Float.BYTES;
        // ND4J gives no alignment beyond malloc's 16 bytes; tensors ask for 256.
        long padded = floats + HostStorage.ALIGNMENT_BYTES / Float.BYTES;
        // Linux would promise more than there is, and kill the process when it is used.
        if (Nd4j.getEnvironment().isCPU() && sizeBytes > Pointer.availablePhysicalBytes()) {
            throw full(sizeBytes, purpose, null);
        }
        try (MemoryWorkspace ignored = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
            DataBuffer buffer = Nd4j.createBuffer(DataType.FLOAT, padded, false);
            HostStorage storage = new HostStorage(buffer, floats * Float.BYTES, Nd4j.getEnvironment().isCPU() ? 0 : nextMadeUpAddress, this);
            nextMadeUpAddress += 2 * padded * Float.BYTES;
            open.add(storage);
            return storage;
        } catch (OutOfMemoryError | RuntimeException e) {
            throw full(sizeBytes, purpose, e);
        }
    }

    private OutOfDeviceMemoryException full(long sizeBytes, String purpose, Throwable cause) {
        return new OutOfDeviceMemoryException("no host memory for a block of " + sizeBytes + " bytes for " + purpose + ": " + openBytes()
                + " bytes are held by this engine, " + Pointer.physicalBytes() + " by the process, whose limit is " + Pointer.maxPhysicalBytes()
                + " (-Dorg.bytedeco.javacpp.maxphysicalbytes; 0 = none), " + Pointer.availablePhysicalBytes()
                + " are free on the machine; lower micro_batch_size or max_length, or give the process more memory", cause);
    }

    /** Bytes of blocks that are not closed. */
    long openBytes() {
        return open.stream().mapToLong(HostStorage::sizeBytes).sum();
    }

    void forget(HostStorage storage) {
        open.remove(storage);
    }

    /** Frees what is still open. */
    void close() {
        List.copyOf(open).forEach(HostStorage::close);
    }
}
