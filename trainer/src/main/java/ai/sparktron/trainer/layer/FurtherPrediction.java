package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A layer that predicts the token k after the next one (multi-token prediction, arXiv 2412.19437): out = block(W [norm(e); norm(h)]), where e [T, D] embeds the token
 * k further on and h [T, D] is the normalised stream below, of the decoder or of the layer for k - 1. Its loss is that of a head whose matrix is the model's.
 *
 * <p>Saves e, the stream it makes of both, the block's output and its gradient, which the head leaves in forward; the norms are computed again.
 */
final class FurtherPrediction {

    private final String name;
    private final int index;
    private final Parts parts;

    /**
     * What it is made of.
     *
     * @param embedding  of the model
     * @param embedNorm  of what it embeds
     * @param below      final norm of the stream below
     * @param belowNorm  of what that gives
     * @param projection [D, 2D]
     * @param block      transformer block
     * @param head       of its own norm and the model's matrix
     */
    record Parts(Embedding embedding, Norm embedNorm, Norm below, Norm belowNorm, Linear projection, StreamLayer block, Head head) {
    }

    /** @param index k - 1 */
    FurtherPrediction(String name, int index, Parts parts) {
        this.name = name;
        this.index = index;
        this.parts = parts;
    }

    /**
     * What backward needs.
     *
     * @param below     stream below [T, D]
     * @param embedded  e [T, D]
     * @param inverses  inverse root mean squares [T, 1] of the stream below, of h and of e
     * @param pass      with the tokens further on
     */
    private record Kept(Tensor below, Tensor embedded, Inverses inverses, Pass pass) {
    }

    private record Inverses(Tensor below, Tensor hidden, Tensor embedded) {
        static Inverses of(Saved.Slot slot, long tokens) {
            return new Inverses(slot.tensor("below.inverse_rms", DType.F32, tokens, 1), slot.tensor("hidden.inverse_rms", DType.F32, tokens, 1),
                    slot.tensor("embedded.inverse_rms", DType.F32, tokens, 1));
        }
    }

    /**
     * Adds the loss, and leaves its gradient for backward.
     *
     * @param below [T, D], value of the stream below; not changed
     * @return [T, D], value of this layer's stream
     */
    Tensor forward(Tensor below, Pass pass) {
        long tokens = below.rows();
        long columns = below.columns();
        try (Saved.Slot slot = pass.saved().push(name)) {
            Tensor gradient = slot.tensor("stream.grad", below.dtype(), tokens, columns);
            Kept kept = new Kept(below, slot.tensor("embedded", below.dtype(), tokens, columns), Inverses.of(slot, tokens), pass.further(index, gradient));
            slot.keep(kept);
            Tensor in = slot.tensor("projected", below.dtype(), tokens, columns);
            Stream out = new Stream(slot.tensor("stream", below.dtype(), tokens, columns), slot.tensor("stream.delta", below.dtype(), tokens, columns));
            parts.embedding().forward(kept.embedded(), kept.pass());
            try (Arena.Frame scratch = pass.scratch().open(name)) {
                Tensor hidden = scratch.tensor("hidden", below.dtype(), tokens, columns);
                Tensor both = scratch.tensor("both", below.dtype(), tokens, 2 * columns);
                norms(kept, hidden, both, kept.inverses());
                parts.projection().forward(both, in, kept.pass());
            }
            parts.block().forward(new Stream(in, null), out, kept.pass());
            parts.head().loss(out, kept.pass());
            return out.delta();
        }
    }

    /** hidden = norm of the stream below; both = [norm(e) | norm(hidden)]. @param inverses written; null = not wanted */
    private void norms(Kept kept, Tensor hidden, Tensor both, Inverses inverses) {
        long columns = hidden.columns();
        Pass pass = kept.pass();
        parts.below().forward(kept.below(), hidden, inverses == null ? null : inverses.below(), pass);
        parts.embedNorm().forward(kept.embedded(), both.columns(0, columns), inverses == null ? null : inverses.embedded(), pass);
        parts.belowNorm().forward(hidden, both.columns(columns, columns), inverses == null ? null : inverses.hidden(), pass);
    }

    /** Gradient [T, D] of this layer's stream, to which the layer above adds before {@link #backward}. */
    Tensor gradient(Pass pass) {
        return pass.saved().find(name, Kept.class).pass().gradient();
    }

    /** Adds to the gradient of the stream below. @param dBelow [T, D] */
    void backward(Tensor dBelow, Pass pass) {
        Kept kept = pass.saved().find(name, Kept.class);
        Tensor gradient = kept.pass().gradient();
        parts.block().backward(gradient, kept.pass());
        try (Saved.Popped own = pass.saved().pop(name); Arena.Frame scratch = pass.scratch().open(name)) {
            long tokens = gradient.rows();
            long columns = gradient.columns();
            Tensor hidden = scratch.tensor("hidden", gradient.dtype(), tokens, columns);
            Tensor both = scratch.tensor("both", gradient.dtype(), tokens, 2 * columns);
            Tensor dPart = scratch.tensor("part.grad", gradient.dtype(), tokens, columns);
            norms(kept, hidden, both, null);
            parts.projection().backward(gradient, both, both, kept.pass());
            parts.embedNorm().backward(both.columns(0, columns), kept.embedded(), kept.inverses().embedded(), dPart, Write.OVERWRITE, pass);
            parts.embedding().backward(dPart, kept.pass());
            parts.belowNorm().backward(both.columns(columns, columns), hidden, kept.inverses().hidden(), dPart, Write.OVERWRITE, pass);
            parts.below().backward(dPart, kept.below(), kept.inverses().below(), dBelow, Write.ACCUMULATE, pass);
        }
    }
}
