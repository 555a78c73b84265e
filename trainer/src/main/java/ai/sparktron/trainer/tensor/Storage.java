package ai.sparktron.trainer.tensor;

/**
 * One block of memory of an engine. Tensors are ranges of it. Closing frees the block; a second close is an error.
 */
public interface Storage extends AutoCloseable {

    /** Address of the first byte: a host address for host engines, a device address for device engines, a made-up one when only measuring. */
    long address();

    /** Size in bytes. */
    long sizeBytes();

    /**
     * Engine's own view of a range, made once per tensor and kept by it so that kernels allocate nothing: host engines answer a direct
     * {@link java.nio.ByteBuffer} in native byte order, others null.
     *
     * @throws IllegalStateException when the block is closed, or when the range is larger than a view of this engine may be (2 GiB for a
     *                               {@link java.nio.ByteBuffer})
     */
    Object view(long byteOffset, long sizeBytes);

    @Override
    void close();
}
