package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * One device of one rank: its memory, its kernels and the way in and out. Owned and used by one thread; made by an engine's factory and closed by
 * whoever made it, which frees all of its memory, also after a failure.
 */
public interface Engine extends TensorAccess, AutoCloseable {

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
     * Opens a store for tensors that rest on the host. The caller closes it, and what it gave, before this.
     *
     * @param places that its tensors visit on the device
     */
    HostStore hostStore(int places);

    /**
     * Starts bringing a contiguous tensor of a few numbers to the host, as it is when all that was enqueued before is done. On a device the copy runs beside what is
     * enqueued after it, so that a step's figures can be read while the next step runs.
     */
    Readback readLater(Tensor tensor);

    /**
     * Work to be enqueued many times without running it each time. The work calls kernels alone, always the same ones on tensors of the same addresses; what differs from run to
     * run it finds in their contents. Memory that it uses belongs to nothing else that is in use while it runs. It never waits for the device, nor reads or writes for the host;
     * work that does, or that cannot be recorded for another reason, is run as it is, and the reason is logged once.
     *
     * @param name for the log
     */
    default Replay replay(String name, Runnable work) {
        return Replay.plain(work);
    }

    /** Whether kernels compute. Where they are only counted memory holds nothing, and whoever sizes memory by what a kernel wrote takes what is to be expected. */
    default boolean computes() {
        return true;
    }

    /** Waits for all enqueued work; throws what went wrong on the device since the last wait. Never called inside a step. */
    void synchronize();

    @Override
    void close();
}
