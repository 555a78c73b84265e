package ai.sparktron.trainer.kernels.cuda;

/**
 * Memory of the device that a kernel and the one after it share, such as partial sums. What one call leaves there is gone with the next. It grows when a call
 * needs more than any before, which happens in the first step of a run.
 */
final class Workspace implements AutoCloseable {

    private static final long LEAST_BYTES = 4L << 20;

    private final DeviceMemory memory;
    private final String purpose;
    private DeviceBlock block;

    Workspace(DeviceMemory memory, String purpose) {
        this.memory = memory;
        this.purpose = purpose;
    }

    /** Address of at least so many bytes. */
    long address(long bytes) {
        if (block == null || block.sizeBytes() < bytes) {
            if (block != null) {
                block.close();
                block = null;
            }
            block = memory.allocate(Math.max(LEAST_BYTES, bytes + bytes / 4), purpose);
        }
        return block.address();
    }

    /** The memory of the last {@link #address}. */
    DeviceBlock block() {
        return block;
    }

    @Override
    public void close() {
        if (block != null) {
            block.close();
            block = null;
        }
    }
}
