package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Storage;

/** One block of a GPU's memory. */
final class DeviceBlock implements Storage {

    private final long address;
    private final long sizeBytes;
    private final String purpose;
    private final DeviceMemory memory;
    private boolean closed;

    DeviceBlock(long address, long sizeBytes, String purpose, DeviceMemory memory) {
        this.address = address;
        this.sizeBytes = sizeBytes;
        this.purpose = purpose;
        this.memory = memory;
    }

    @Override
    public long address() {
        return address;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    String purpose() {
        return purpose;
    }

    /** Kernels go by address: null. */
    @Override
    public Object view(long byteOffset, long bytes) {
        if (closed) {
            throw new IllegalStateException("a view of the closed block of " + sizeBytes + " bytes for " + purpose);
        }
        return null;
    }

    /** Its bytes may be used again by what is enqueued after this. */
    @Override
    public void close() {
        if (closed) {
            throw new IllegalStateException("the block of " + sizeBytes + " bytes for " + purpose + " closed twice");
        }
        memory.free(this);
        closed = true;
    }
}
