package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Attention between the projections. By default local: one call of {@link Kernels#attention}. Context parallel gathers or passes round keys and values.
 * Shapes are those of {@link Kernels#attention}.
 */
public interface AttentionCore {

    /** out and (when not null) logSumExp of attention. {@code scratch} gives memory that lives for the call. */
    void forward(Kernels kernels, Arena scratch, Operands operands, Tensor out, Tensor logSumExp);

    /** dq, dk and dv, overwritten. */
    void backward(Kernels kernels, Arena scratch, Operands operands, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients);

    /**
     * Queries, keys and values, or their gradients.
     *
     * @param q       [Tq, H*K]
     * @param k       [Tk, G*K]
     * @param v       [Tk, G*Kv]
     * @param shape   fixed facts
     * @param queries documents of the queries
     * @param keys    documents of the keys; the same as {@code queries} but with a cache
     * @param dealt   documents of all ranks' tokens where the micro-batch is dealt to ranks; null = all keys are here
     */
    record Operands(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, DealtLayout dealt) {
    }

    /** One kernel call. */
    static AttentionCore local() {
        return Local.INSTANCE;
    }

    /** The default. */
    enum Local implements AttentionCore {
        INSTANCE;

        @Override
        public void forward(Kernels kernels, Arena scratch, Operands in, Tensor out, Tensor logSumExp) {
            kernels.attention(in.q(), in.k(), in.v(), in.shape(), in.queries(), in.keys(), out, logSumExp);
        }

        @Override
        public void backward(Kernels kernels, Arena scratch, Operands in, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients) {
            kernels.attentionGrad(dOut, in.q(), in.k(), in.v(), out, logSumExp, in.shape(), in.queries(), in.keys(), gradients.q(), gradients.k(),
                    gradients.v(), Write.OVERWRITE);
        }
    }
}
