package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** Our own attention on a GPU, in half precision. */
@Tag("gpu")
class CudaOwnAttentionTest extends HalfAttentionContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withOwnAttention();
    }
}
