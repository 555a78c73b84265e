package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/** Attention by kernels of our own: on the tensor cores where operands allow it, in float32 arithmetic for the rest. */
final class OwnAttention implements DeviceAttention {

    private final FlashAttention flash;
    private final PlainAttention plain;

    OwnAttention(FlashAttention flash, PlainAttention plain) {
        this.flash = flash;
        this.plain = plain;
    }

    @Override
    public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        if (flash.takes(shape, q, k, v, out)) {
            flash.attention(q, k, v, shape, queries, keys, out, logSumExp);
        } else {
            plain.attention(q, k, v, shape, queries, keys, out, logSumExp);
        }
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries, TokenLayout keys,
                              Tensor dq, Tensor dk, Tensor dv, Write write) {
        if (flash.takes(shape, q, k, v, dOut, out, dq, dk, dv)) {
            flash.attentionGrad(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv, write);
        } else {
            plain.attentionGrad(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv, write);
        }
    }

    @Override
    public void close() {
        try (plain; flash) {
            // Both are closed, whatever the first one says.
        }
    }
}
