package ai.sparktron.trainer.tensor;

/**
 * Owner of the memory of one lifetime: run, micro-batch, call or transfer. Memory is handed out as a stack of frames; a frame's tensors are gone
 * when it closes, in the reverse order of opening. One thread uses an arena at a time.
 *
 * <p>Closing the arena while frames are open throws and names their tensors: that is a leak.
 */
public interface Arena extends AutoCloseable {

    /** A frame on top of the stack. */
    Frame open(String purpose);

    /** Bytes handed out now. */
    long usedBytes();

    /** Largest {@link #usedBytes()} since the arena was made. */
    long peakBytes();

    /** Name of the lifetime, for reports. */
    String name();

    /** @throws IllegalStateException when frames are still open, naming their tensors */
    @Override
    void close();

    /** Tensors that are freed together. */
    interface Frame extends AutoCloseable {

        /**
         * A tensor with undefined contents, aligned to 256 bytes, that lives until this frame closes.
         *
         * @throws OutOfDeviceMemoryException when the arena is full
         */
        Tensor tensor(String name, DType dtype, long... shape);

        /** Frees the frame's tensors. @throws IllegalStateException when a frame opened later is still open, or on a second close */
        @Override
        void close();
    }
}
