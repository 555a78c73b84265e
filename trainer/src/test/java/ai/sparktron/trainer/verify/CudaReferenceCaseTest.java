package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** On one GPU, as in production. */
@Tag("gpu")
class CudaReferenceCaseTest extends CudaReferenceCases {

    @Override
    EngineFactory engines() {
        return ordinal -> CudaTestEngines.engine();
    }
}
