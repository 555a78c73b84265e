package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.seam.DealtLayout;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * Keys and values of all ranks are gathered before attention; their gradients are summed and scattered after ({@code cp_comm_type all_gather}). One message each
 * way, nothing to overlap it with, and memory for all keys of a layer.
 *
 * <p>Each of the two chunks of a rank meets the keys from its first document's start up to its own end: the last tokens of each document's keys are its queries,
 * which is the mask that attention kernels know.
 */
final class GatheredAttention implements AttentionCore {

    private final Communicator group;
    private final HeadTail deal;
    private final Remembered<List<Chunk>> chunks = new Remembered<>();

    GatheredAttention(Communicator group, HeadTail deal) {
        this.group = group;
        this.deal = deal;
    }

    /** Own tokens from row {@code first} on, and the keys from {@code firstKey} on that they may see. */
    private record Chunk(int first, int firstKey, TokenLayout queries, TokenLayout keys) {

        Tensor queryRows(Tensor tensor) {
            return tensor.rows(first, queries.tokens());
        }

        KeyValues keyRows(KeyValues all) {
            return all.rows(firstKey, keys.tokens());
        }
    }

    private List<Chunk> chunks(DealtLayout layout) {
        int size = deal.chunk(layout.all().tokens());
        return List.of(chunk(layout, deal.rank(), 0, size), chunk(layout, 2 * deal.ranks() - 1 - deal.rank(), size, size));
    }

    private Chunk chunk(DealtLayout layout, int index, int first, int size) {
        int[] starts = layout.all().starts();
        int place = Arrays.binarySearch(starts, index * size);
        int firstKey = starts[place >= 0 ? place : -place - 2];
        return new Chunk(first, firstKey, layout.parts().get(deal.rank()).rows(first, size), layout.all().rows(firstKey, (index + 1) * size - firstKey));
    }

    private KeyValues gather(Kernels kernels, Arena.Frame frame, Operands in) {
        DType dtype = in.k().dtype();
        KeyValues own = KeyValues.allocate(frame, "keys.own", dtype, in.k().rows(), in.shape());
        own.fill(kernels, in.k(), in.v());
        KeyValues byRank = KeyValues.allocate(frame, "keys.by_rank", dtype, in.dealt().all().tokens(), in.shape());
        group.allGather(own.joined(), byRank.joined());
        KeyValues all = KeyValues.allocate(frame, "keys.all", dtype, in.dealt().all().tokens(), in.shape());
        deal.toTokenOrder(kernels, byRank.joined(), all.joined());
        return all;
    }

    @Override
    public void forward(Kernels kernels, Arena scratch, Operands in, Tensor out, Tensor logSumExp) {
        try (Arena.Frame frame = scratch.open("gathered_attention")) {
            KeyValues all = gather(kernels, frame, in);
            for (Chunk chunk : chunks.of(in.dealt(), this::chunks)) {
                KeyValues keys = chunk.keyRows(all);
                kernels.attention(chunk.queryRows(in.q()), keys.k(), keys.v(), in.shape(), chunk.queries(), chunk.keys(), chunk.queryRows(out),
                        logSumExp == null ? null : chunk.queryRows(logSumExp));
            }
        }
    }

    @Override
    public void backward(Kernels kernels, Arena scratch, Operands in, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients) {
        try (Arena.Frame frame = scratch.open("gathered_attention")) {
            KeyValues all = gather(kernels, frame, in);
            KeyValues shares = KeyValues.allocate(frame, "keys.grad", in.k().dtype(), in.dealt().all().tokens(), in.shape());
            kernels.fill(shares.joined(), 0);
            kernels.fill(gradients.q(), 0);
            for (Chunk chunk : chunks.of(in.dealt(), this::chunks)) {
                KeyValues keys = chunk.keyRows(all);
                KeyValues share = chunk.keyRows(shares);
                kernels.attentionGrad(chunk.queryRows(dOut), chunk.queryRows(in.q()), keys.k(), keys.v(), chunk.queryRows(out), chunk.queryRows(logSumExp), in.shape(),
                        chunk.queries(), chunk.keys(), chunk.queryRows(gradients.q()), share.k(), share.v(), Write.ACCUMULATE);
            }
            // Shares of all ranks are summed in float32.
            Tensor byRank = frame.tensor("keys.grad.by_rank", DType.F32, shares.joined().rows(), shares.joined().columns());
            deal.toRankOrder(kernels, shares.joined(), byRank);
            KeyValues own = KeyValues.allocate(frame, "keys.grad.own", DType.F32, in.k().rows(), in.shape());
            group.reduceScatter(byRank, own.joined(), Reduction.SUM);
            own.give(kernels, gradients.k(), gradients.v());
        }
    }
}
