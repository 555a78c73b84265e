package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** The GPU in 16 bits. */
@Tag("gpu")
class CudaNarrowCaseTest extends NarrowCaseContract {

    @Override
    EngineFactory engines() {
        return device -> CudaTestEngines.engine();
    }
}
