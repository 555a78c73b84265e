package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import org.junit.jupiter.api.Tag;

/** cuDNN's attention on a GPU, with gradients in a fixed order of additions. */
@Tag("gpu")
class CudnnDeterministicAttentionTest extends HalfAttentionContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withCudnnAttention(true);
    }
    /** Wider heads are left to our own kernels. */
    @Override
    boolean makesGradients(AttentionShape shape) {
        return shape.keySize() <= 192;
    }
}
