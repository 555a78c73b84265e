package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** The GPU's eight bits with products by loops, where there is no cuBLASLt. */
@Tag("gpu")
class CudaLoopFp8KernelsTest extends Fp8KernelsContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withLoopProducts();
    }
}
