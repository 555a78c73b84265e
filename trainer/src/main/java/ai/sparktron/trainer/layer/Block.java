package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A transformer block with norms before its branches: h = in + attention(norm(in)), out = h + feedForward(norm(h)).
 *
 * <p>Saves the two sums (which lie in the streams' own memory, so no copy is made) and the inverse root mean squares; the norms' outputs are computed again.
 */
final class Block implements StreamLayer {

    private final String name;
    private final Norm attentionNorm;
    private final Branch attention;
    private final Norm feedForwardNorm;
    private final Branch feedForward;

    Block(String name, Norm attentionNorm, Branch attention, Norm feedForwardNorm, Branch feedForward) {
        this.name = name;
        this.attentionNorm = attentionNorm;
        this.attention = attention;
        this.feedForwardNorm = feedForwardNorm;
        this.feedForward = feedForward;
    }

    /** Inputs of both norms [T, D] and their inverse root mean squares [T, 1]. */
    private record Kept(Tensor in, Tensor inInverseRms, Tensor middle, Tensor middleInverseRms) {
    }

    @Override
    public void forward(Stream in, Stream out, Pass pass) {
        long tokens = in.residual().rows();
        try (Saved.Slot slot = pass.saved().push(name)) {
            Tensor inInverseRms = slot.tensor("attention.inverse_rms", DType.F32, tokens, 1);
            Tensor middleInverseRms = slot.tensor("feed_forward.inverse_rms", DType.F32, tokens, 1);
            try (Arena.Frame scratch = pass.scratch().open(name)) {
                Tensor normed = scratch.tensor("normed", in.residual().dtype(), tokens, in.residual().columns());
                Tensor sum = attentionNorm.forward(in, normed, inInverseRms, pass);
                attention.forward(normed, out.residual(), pass);
                // The sum goes where the attention's output lies: the stream's old value stays as it is for this block's backward.
                Tensor middle = feedForwardNorm.forward(new Stream(sum, out.residual()), normed, middleInverseRms, pass);
                feedForward.forward(normed, out.delta(), pass);
                slot.keep(new Kept(sum, inInverseRms, middle, middleInverseRms));
            }
        }
    }

    @Override
    public void backward(Tensor gradient, Pass pass) {
        // The branches' entries lie above the block's own, the feed-forward's on top.
        try (Arena.Frame scratch = pass.scratch().open(name)) {
            Tensor normed = scratch.tensor("normed", gradient.dtype(), gradient.rows(), gradient.columns());
            Kept kept = pass.saved().find(name, Kept.class);
            backward(feedForward, feedForwardNorm, kept.middle(), kept.middleInverseRms(), gradient, normed, pass);
            backward(attention, attentionNorm, kept.in(), kept.inInverseRms(), gradient, normed, pass);
        }
        pass.saved().pop(name).close();
    }

    private static void backward(Branch branch, Norm norm, Tensor x, Tensor inverseRms, Tensor gradient, Tensor normed, Pass pass) {
        norm.forward(x, normed, null, pass);
        branch.backward(gradient, normed, normed, pass);
        norm.backward(normed, x, inverseRms, gradient, Write.ACCUMULATE, pass);
    }
}
