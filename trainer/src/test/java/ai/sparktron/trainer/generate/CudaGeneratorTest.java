package ai.sparktron.trainer.generate;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** Steps are replayed from their second run on. */
@Tag("gpu")
class CudaGeneratorTest extends GeneratorContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.engine();
    }

    @Override
    boolean records() {
        return true;
    }
}
