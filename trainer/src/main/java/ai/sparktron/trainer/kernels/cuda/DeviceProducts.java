package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/** The products of a CUDA engine: enqueued on the device's stream, operands already checked. Used by the device's thread; closed before the device. */
interface DeviceProducts extends AutoCloseable {

    /** As {@link Kernels#matmul}. */
    void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write);

    @Override
    void close();
}
