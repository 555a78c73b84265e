package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Attention by the fastest of what takes a call: cuDNN in half precision where its masks do, kernels of our own for everything else. All give the same results up
 * to rounding, and any one's gradient takes another's log of sums. Why cuDNN does not take a call is logged once for each reason.
 */
final class CudaAttention implements DeviceAttention {

    private static final Logger LOG = LoggerFactory.getLogger(CudaAttention.class);

    /** Below this, cuDNN's advantage is less than what one more of its plans costs. */
    private static final int LEAST_TOKENS = 256;

    private final CudnnAttention cudnn;
    private final DeviceAttention own;
    private final Set<String> told = new HashSet<>();

    CudaAttention(CudnnAttention cudnn, DeviceAttention own) {
        this.cudnn = cudnn;
        this.own = own;
    }

    /** The attention of an engine by its settings; without cuDNN its own kernels do everything, and the log says why. */
    static DeviceAttention of(CudaEngine.Foundation engine) {
        return switch (engine.settings().attention()) {
            case FASTEST -> fastest(engine);
            case OWN -> own(engine);
            case PLAIN -> new PlainAttention(engine.modules(), engine.workspace());
        };
    }

    private static DeviceAttention fastest(CudaEngine.Foundation engine) {
        DeviceAttention own = own(engine);
        try {
            return new CudaAttention(cudnn(engine, LEAST_TOKENS), own);
        } catch (CudaException missing) {
            LOG.warn("attention goes without cuDNN, by kernels of our own, which are slower on Hopper: {}", missing.getMessage());
            return own;
        }
    }

    private static DeviceAttention own(CudaEngine.Foundation engine) {
        return new OwnAttention(new FlashAttention(engine.device(), engine.memory(), engine.staging(), engine.modules(), engine.workspace()),
                new PlainAttention(engine.modules(), engine.workspace()));
    }

    /** @throws CudaException when there is no cuDNN */
    static CudnnAttention cudnn(CudaEngine.Foundation engine, int leastTokens) {
        return new CudnnAttention(engine.device(), engine.memory(), engine.staging(), new ElementwiseKernels(engine.device(), engine.modules()),
                new CudnnAttention.Settings(engine.settings().deterministic(), leastTokens));
    }

    private boolean refused(String reason) {
        if (reason != null && told.add(reason)) {
            LOG.info("attention by kernels of our own instead of cuDNN's: {}", reason);
        }
        return reason != null;
    }

    @Override
    public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        if (refused(cudnn.attention(q, k, v, shape, queries, keys, out, logSumExp))) {
            own.attention(q, k, v, shape, queries, keys, out, logSumExp);
        }
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries, TokenLayout keys,
                              Tensor dq, Tensor dk, Tensor dv, Write write) {
        if (refused(cudnn.attentionGrad(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv, write))) {
            own.attentionGrad(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv, write);
        }
    }

    @Override
    public void close() {
        try (own; cudnn) {
            // Both are closed, whatever the first one says.
        }
    }
}
