package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Keys and values of all ranks are gathered before attention; their gradients are summed and scattered after, in float32 ({@code cp_comm_type all_gather}). One message
 * each way, nothing to overlap it with, and memory for all keys of a layer.
 */
final class GatheredAttention implements AttentionCore {

    private static final String FRAME = "gathered_attention";

    private final Communicator group;
    private final RankByRankAttention attention;

    GatheredAttention(Communicator group) {
        this.group = group;
        this.attention = new RankByRankAttention(group);
    }

    /** Of all ranks, one rank's after the other's. */
    private KeyValues ofAll(Arena.Frame frame, String name, DType dtype, Operands in) {
        return KeyValues.allocate(frame, name, dtype, in.k().rows() * group.size(), in.shape());
    }

    private KeyValues ofOwner(KeyValues all, int step) {
        long tokens = all.joined().rows() / group.size();
        return all.rows(attention.owner(step) * tokens, tokens);
    }

    private RankByRankAttention.Keys gather(Kernels kernels, Arena.Frame frame, Operands in) {
        KeyValues own = KeyValues.allocate(frame, "keys.own", in.k().dtype(), in.k().rows(), in.shape());
        own.fill(kernels, in.k(), in.v());
        KeyValues all = ofAll(frame, "keys.all", in.k().dtype(), in);
        group.allGather(own.joined(), all.joined());
        return step -> ofOwner(all, step);
    }

    @Override
    public void forward(Kernels kernels, Arena scratch, Operands in, Tensor out, Tensor logSumExp) {
        try (Arena.Frame frame = scratch.open(FRAME)) {
            attention.forward(kernels, frame, in, gather(kernels, frame, in), out, logSumExp);
        }
    }

    @Override
    public void backward(Kernels kernels, Arena scratch, Operands in, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients) {
        try (Arena.Frame frame = scratch.open(FRAME)) {
            KeyValues shares = ofAll(frame, "keys.grad", DType.F32, in);
            kernels.fill(shares.joined(), 0);
            attention.backward(kernels, frame, in, gather(kernels, frame, in), dOut, out, logSumExp, gradients.q(), step -> ofOwner(shares, step));
            KeyValues own = KeyValues.allocate(frame, "keys.grad.own", DType.F32, in.k().rows(), in.shape());
            group.reduceScatter(shares.joined(), own.joined(), Reduction.SUM);
            own.give(kernels, gradients.k(), gradients.v());
        }
    }
}
