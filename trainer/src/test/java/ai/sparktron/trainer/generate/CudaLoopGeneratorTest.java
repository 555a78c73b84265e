package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** The same with products by loops, where there is no cuBLASLt. */
@Tag("gpu")
class CudaLoopGeneratorTest extends GeneratorContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withLoopProducts();
    }

    @Override
    boolean records() {
        return true;
    }
}
