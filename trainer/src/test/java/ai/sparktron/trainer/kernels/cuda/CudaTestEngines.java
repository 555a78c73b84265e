package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.file.Path;
import org.bytedeco.cuda.global.cudnn;
import org.junit.jupiter.api.Assumptions;

/** Engines on the first GPU, for tests in other packages. */
public final class CudaTestEngines {

    private static final CudaEngine.Settings SETTINGS = new CudaEngine.Settings(Path.of(System.getProperty("java.io.tmpdir"), "sparktron-test-kernels"), false, false,
            CudaEngine.Attention.FASTEST, true);

    private CudaTestEngines() {
    }

    /** As in production. */
    public static Engine engine() {
        return new CudaEngine(0, SETTINGS, CudaProducts::of, CudaAttention::of);
    }

    /** With products by loops, which need no cuBLASLt. */
    public static Engine withLoopProducts() {
        return new CudaEngine(0, SETTINGS, LoopProducts::new, CudaAttention::of);
    }

    /** Attention by cuDNN alone, of any length; what it refuses is an error. */
    public static Engine withCudnnAttention(boolean deterministic) {
        return new CudaEngine(0, SETTINGS.withDeterministic(deterministic), LoopProducts::new, engine -> new CudaAttention(CudaAttention.cudnn(engine, 1), new NoAttention()));
    }

    /** Attention without cuDNN. */
    public static Engine withOwnAttention() {
        return new CudaEngine(0, SETTINGS.with(CudaEngine.Attention.OWN), LoopProducts::new, CudaAttention::of);
    }

    /** Where another attention must not be used. */
    private static final class NoAttention implements DeviceAttention {

        @Override
        public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
            throw new AssertionError("cuDNN refused " + shape + " of " + q);
        }

        @Override
        public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                                  TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write) {
            // Gradients of packed documents are wrong in older versions, so those leave them to our own kernels.
            Assumptions.assumeTrue(cudnn.cudnnGetVersion() >= CudnnAttention.OLDEST_PACKED_GRADIENT, "this cuDNN is too old for gradients of packed documents");
            throw new AssertionError("cuDNN refused the gradient of " + shape + " of " + q);
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }
}
