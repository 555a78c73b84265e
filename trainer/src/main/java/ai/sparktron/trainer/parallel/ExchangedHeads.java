package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Ranks exchange heads for tokens before attention and tokens for heads after (arXiv 2309.14509; {@code cp_comm_type a2a}): each computes some of the heads over all
 * tokens. Needs key/value heads for every rank.
 */
record ExchangedHeads(Communicator group, HeadTail deal) implements AttentionCore {

    /** Heads of one rank. */
    private AttentionShape shapeHere(AttentionShape shape) {
        return new AttentionShape(shape.heads() / group.size(), shape.kvHeads() / group.size(), shape.keySize(), shape.valueSize(), shape.scale());
    }

    /** Columns of one tensor among those of several side by side, a rank's heads of each. */
    private Tensor[] split(Tensor joined, Tensor... like) {
        Tensor[] parts = new Tensor[like.length];
        long column = 0;
        for (int i = 0; i < like.length; i++) {
            long width = like[i].columns() / group.size();
            parts[i] = joined.columns(column, width);
            column += width;
        }
        return parts;
    }

    private long width(Tensor... tensors) {
        long columns = 0;
        for (Tensor tensor : tensors) {
            columns += tensor.columns();
        }
        return columns / group.size();
    }

    /** Own tokens' tensors [T', heads] as this rank's heads of all tokens [T, heads / ranks], in the order of tokens. */
    private Tensor[] toHeads(Kernels kernels, Arena.Frame frame, Tensor... tensors) {
        long tokens = tensors[0].rows();
        DType dtype = tensors[0].dtype();
        long width = width(tensors);
        Tensor sent = frame.tensor("heads.sent", dtype, group.size() * tokens, width);
        for (int member = 0; member < group.size(); member++) {
            Tensor[] parts = split(sent.rows(member * tokens, tokens), tensors);
            for (int i = 0; i < tensors.length; i++) {
                kernels.copy(tensors[i].columns(member * parts[i].columns(), parts[i].columns()), parts[i]);
            }
        }
        Tensor byRank = frame.tensor("heads.by_rank", dtype, group.size() * tokens, width);
        group.allToAll(sent, byRank);
        Tensor byToken = frame.tensor("heads.by_token", dtype, group.size() * tokens, width);
        deal.toTokenOrder(kernels, byRank, byToken);
        return split(byToken, tensors);
    }

    /** The way back: {@code byToken} [T, heads / ranks of all] into own tokens' tensors [T', heads]. */
    private void toTokens(Kernels kernels, Arena.Frame frame, Tensor byToken, Tensor... tensors) {
        long tokens = tensors[0].rows();
        Tensor byRank = frame.tensor("tokens.sent", byToken.dtype(), byToken.rows(), byToken.columns());
        deal.toRankOrder(kernels, byToken, byRank);
        Tensor received = frame.tensor("tokens.received", byToken.dtype(), byToken.rows(), byToken.columns());
        group.allToAll(byRank, received);
        for (int member = 0; member < group.size(); member++) {
            Tensor[] parts = split(received.rows(member * tokens, tokens), tensors);
            for (int i = 0; i < tensors.length; i++) {
                kernels.copy(parts[i], tensors[i].columns(member * parts[i].columns(), parts[i].columns()));
            }
        }
    }

    private Tensor likeHeads(Arena.Frame frame, String name, Operands in, Tensor... tensors) {
        return frame.tensor(name, tensors[0].dtype(), in.dealt().all().tokens(), width(tensors));
    }

    @Override
    public void forward(Kernels kernels, Arena scratch, Operands in, Tensor out, Tensor logSumExp) {
        try (Arena.Frame frame = scratch.open("exchanged_heads")) {
            Tensor[] heads = toHeads(kernels, frame, in.q(), in.k(), in.v());
            Tensor outHere = likeHeads(frame, "out", in, out);
            Tensor sumsHere = logSumExp == null ? null : likeHeads(frame, "log_sum_exp", in, logSumExp);
            kernels.attention(heads[0], heads[1], heads[2], shapeHere(in.shape()), in.dealt().all(), in.dealt().all(), outHere, sumsHere);
            toTokens(kernels, frame, outHere, out);
            if (logSumExp != null) {
                toTokens(kernels, frame, sumsHere, logSumExp);
            }
        }
    }

    @Override
    public void backward(Kernels kernels, Arena scratch, Operands in, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients) {
        try (Arena.Frame frame = scratch.open("exchanged_heads")) {
            Tensor[] heads = toHeads(kernels, frame, in.q(), in.k(), in.v(), out, dOut);
            Tensor sums = toHeads(kernels, frame, logSumExp)[0];
            Tensor gradientHere = likeHeads(frame, "grad", in, in.q(), in.k(), in.v());
            Tensor[] parts = split(gradientHere, in.q(), in.k(), in.v());
            kernels.attentionGrad(heads[4], heads[0], heads[1], heads[2], heads[3], sums, shapeHere(in.shape()), in.dealt().all(), in.dealt().all(), parts[0],
                    parts[1], parts[2], Write.OVERWRITE);
            toTokens(kernels, frame, gradientHere, gradients.q(), gradients.k(), gradients.v());
        }
    }
}
