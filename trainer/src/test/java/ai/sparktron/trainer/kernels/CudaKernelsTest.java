package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** The GPU's kernels in float32. */
@Tag("gpu")
class CudaKernelsTest extends KernelsContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.engine();
    }
}
