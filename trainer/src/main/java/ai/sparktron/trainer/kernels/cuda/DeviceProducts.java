package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/** The products of a CUDA engine: enqueued on the device's stream, operands already checked. Used by the device's thread; closed before the device. */
interface DeviceProducts extends AutoCloseable {

    /** As {@link Kernels#matmul}. */
    void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write);

    /** As {@link Kernels#linear}, where the product itself can add a bias. @return whether it did */
    default boolean linear(Tensor x, Tensor weight, Tensor bias, Tensor out) {
        return false;
    }

    /** As {@link Fp8Kernels#product}. */
    void product(Quantised a, Quantised b, Tensor out, Write write, Fp8Kernels.Sums sums);

    @Override
    void close();
}
