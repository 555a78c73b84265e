package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** Page-locked memory and the streams of a GPU. */
@Tag("gpu")
class CudaHostStoreTest extends HostStoreContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withLoopProducts();
    }
}
