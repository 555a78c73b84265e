package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Tensors that rest in the host's memory, and their way to the device and back beside its kernels. They visit places on the device, one visit a place at a time:
 * {@link #bring}, {@link #arrive}, kernels, {@link #takeOut}. A tensor always visits the same place. Owned by the engine's thread, closed before the engine.
 */
public interface HostStore extends TensorAccess, AutoCloseable {

    /**
     * A tensor's two homes, contiguous and of the same size, a multiple of four bytes.
     *
     * @param host   of {@link #memory()}
     * @param device of the engine's memory
     */
    record Visit(Tensor host, Tensor device) {
    }

    /** Memory of the host that the device copies from and to at its full rate. */
    Memory memory();

    /**
     * Starts copying to a place of the device as soon as what visited it before is back on the host.
     *
     * @throws IllegalStateException when a visit of this place has begun and is not taken out
     */
    void bring(int place, List<Visit> visits);

    /** Kernels enqueued after this see what was brought to the place. */
    void arrive(int place);

    /** Starts copying back when the kernels enqueued so far are through; those enqueued later must leave the place alone. */
    void takeOut(int place, List<Visit> visits);

    /** As {@link TensorAccess} says, of tensors of the host, waiting for those that are on their way back. */
    @Override
    void write(Tensor tensor, ByteBuffer source);

    @Override
    void read(Tensor tensor, ByteBuffer target);

    /** Waits until all that was taken out is back, and all that was brought is there. */
    void settle();

    @Override
    void close();
}
