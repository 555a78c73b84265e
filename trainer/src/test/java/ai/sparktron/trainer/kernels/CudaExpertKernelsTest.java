package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** Mixtures of experts on a GPU. */
@Tag("gpu")
class CudaExpertKernelsTest extends ExpertKernelsContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withLoopProducts();
    }
}
