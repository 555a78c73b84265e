package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** Mixtures of experts on a GPU in half precision: on the tensor cores where operands are aligned. */
@Tag("gpu")
class CudaNarrowExpertKernelsTest extends NarrowExpertKernelsContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withLoopProducts();
    }
}
