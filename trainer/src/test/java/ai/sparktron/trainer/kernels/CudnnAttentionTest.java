package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** cuDNN's attention on a GPU. */
@Tag("gpu")
class CudnnAttentionTest extends HalfAttentionContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withCudnnAttention(false);
    }
    /** Wider heads are left to our own kernels. */
    @Override
    boolean makesGradients(AttentionShape shape) {
        return shape.keySize() <= 192;
    }
}
