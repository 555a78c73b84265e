package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/** The attention of a CUDA engine: enqueued on the device's stream, operands already checked. Used by the device's thread; closed before the device. */
interface DeviceAttention extends AutoCloseable {

    /** As {@link Kernels#attention}; {@code logSumExp} may be null. */
    void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp);

    /** As {@link Kernels#attentionGrad}. */
    void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                       TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write);

    @Override
    void close();
}
