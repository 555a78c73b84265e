package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;

/**
 * One device of one rank: its memory, its kernels and the way in and out. Owned and used by one thread; made by an engine's factory and closed by
 * whoever made it, which frees all of its memory, also after a failure.
 */
public interface Engine extends AutoCloseable {

    /** Name for users: {@code nd4j}, {@code cuda}. */
    String name();

    /** What the device is, for reports: processor or GPU name, threads, memory. */
    String description();

    Kernels kernels();

    /** Memory that kernels work on. */
    Memory memory();

    /** Whether kernels take this type as parameters and activations. */
    boolean supports(DType dtype);

    /** Peak rate of products of this type in FLOP/s where known, otherwise NaN; for MFU. */
    double peakFlops(DType dtype);

    /** Bytes of memory free for new blocks, or {@link Long#MAX_VALUE} when unbounded. */
    long freeBytes();

    /**
     * Copies bytes of the host (native byte order) over a contiguous tensor. The buffer may be reused when the call returns.
     *
     * @throws IllegalArgumentException when sizes differ, naming the tensor
     */
    void write(Tensor tensor, ByteBuffer source);

    /** Copies a contiguous tensor to the host, waiting for what was enqueued before. */
    void read(Tensor tensor, ByteBuffer target);

    /**
     * Starts bringing a contiguous tensor of a few numbers to the host, as it is when all that was enqueued before is done. On a device the copy runs beside what is
     * enqueued after it, so that a step's figures can be read while the next step runs.
     */
    Readback readLater(Tensor tensor);

    /** Waits for all enqueued work; throws what went wrong on the device since the last wait. Never called inside a step. */
    void synchronize();

    @Override
    void close();
}
