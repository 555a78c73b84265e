package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** The same with products by loops, where there is no cuBLASLt. */
@Tag("gpu")
class CudaLoopKernelsTest extends KernelsContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withLoopProducts();
    }
}
