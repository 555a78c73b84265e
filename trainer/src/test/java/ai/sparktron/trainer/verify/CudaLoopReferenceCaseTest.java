package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** The same with products by loops, where there is no cuBLASLt. */
@Tag("gpu")
class CudaLoopReferenceCaseTest extends CudaReferenceCases {

    @Override
    EngineFactory engines() {
        return ordinal -> CudaTestEngines.withLoopProducts();
    }
}
