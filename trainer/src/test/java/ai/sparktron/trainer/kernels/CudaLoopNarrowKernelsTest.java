package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** A GPU's kernels on 16-bit tensors, with products by loops where a tile is multiplied. */
@Tag("gpu")
class CudaLoopNarrowKernelsTest extends NarrowKernelsContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withLoopProducts();
    }
}
