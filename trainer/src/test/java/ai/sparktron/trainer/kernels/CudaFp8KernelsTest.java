package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** The GPU's eight bits, with cuBLASLt's products. */
@Tag("gpu")
class CudaFp8KernelsTest extends Fp8KernelsContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.engine();
    }
}
