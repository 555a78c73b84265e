package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;

/** The host's way into a memory that tensors lie in. */
public interface TensorAccess {

    /**
     * Copies bytes of the host (native byte order) over a contiguous tensor. The buffer may be reused when the call returns.
     *
     * @throws IllegalArgumentException when sizes differ, naming the tensor
     */
    void write(Tensor tensor, ByteBuffer source);

    /** Copies a contiguous tensor to the host, waiting for what was enqueued before. */
    void read(Tensor tensor, ByteBuffer target);
}
