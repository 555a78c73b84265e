package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * What goes by a token's id or position, heads of latent attention, and the join of attention: {@code embedding.cu}, {@code rope.cu}, {@code latent.cu}, {@code merge.cu}. With A the bytes of the
 * activations: the embedding moves 2 A, rope 2 A, latent heads the bytes of all operands once.
 */
final class TokenKernels {

    private static final int WARP = 32;
    private static final int WARPS = 8;
    /** Tokens that are sorted together: sorting compares each with each. */
    private static final int MOST_TOKENS = 32_768;

    private final Workspace workspace;
    private final Grid grid;
    private final Variants embedding;
    private final Variants sortTokens;
    private final Variants addTokens;
    private final Variants ropeHalves;
    private final Variants ropePairs;
    private final Variants latentHeads;
    private final Variants latentHeadsGrad;
    private final Variants merge;

    TokenKernels(CudaDevice device, Modules modules, Workspace workspace) {
        this.workspace = workspace;
        this.grid = new Grid(device.multiprocessors());
        this.embedding = modules.variants("embedding.cu", "embedding");
        this.sortTokens = modules.variants("embedding.cu", "sortTokens");
        this.addTokens = modules.variants("embedding.cu", "addTokens");
        this.ropeHalves = modules.variants("rope.cu", "ropeHalves");
        this.ropePairs = modules.variants("rope.cu", "ropePairs");
        this.latentHeads = modules.variants("latent.cu", "latentHeads");
        this.latentHeadsGrad = modules.variants("latent.cu", "latentHeadsGrad");
        this.merge = modules.variants("merge.cu", "merge");
    }

    void embedding(Tensor ids, Tensor table, long firstRow, Tensor out) {
        grid.overRows(out.rows(), out.columns(), Grid.lanes(out)).with(table).with(out);
        grid.launch(embedding.of(out.dtype(), grid.lanes()).pointer(ids).matrix(table).longInteger(table.rows()).longInteger(firstRow).matrix(out));
    }

    /** Sorts the tokens by id, then moves the bytes of dy once and those of the table's rows that occur twice. */
    void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable) {
        int lanes = grid.overRows(dy.rows(), dy.columns(), Grid.lanes(dy, dTable)).with(dy).with(dTable).lanes();
        int columns = Math.toIntExact(dy.columns());
        int tiles = (columns + WARP * lanes - 1) / (WARP * lanes);
        long order = workspace.address(2L * Math.min(MOST_TOKENS, Math.max(1, dy.rows())) * Integer.BYTES);
        for (long first = 0; first < dy.rows(); first += MOST_TOKENS) {
            int tokens = (int) Math.min(MOST_TOKENS, dy.rows() - first);
            long sorted = order + (long) tokens * Integer.BYTES;
            sortTokens.of(dy.dtype(), dTable.dtype(), lanes).pointer(ids.address() + first * Integer.BYTES).integer(tokens).pointer(order).pointer(sorted)
                    .launch((tokens + WARP - 1) / WARP, 1, 1, WARP * WARPS, 0);
            addTokens.of(dy.dtype(), dTable.dtype(), lanes).pointer(order).pointer(sorted).integer(tokens)
                    .pointer(dy.address() + first * dy.rowStride() * dy.dtype().sizeBytes()).longInteger(dy.rowStride()).longInteger(firstRow)
                    .longInteger(dTable.rows()).matrix(dTable).integer(columns).launch((tokens + WARPS - 1) / WARPS, tiles, 1, WARP * WARPS, 0);
        }
    }

    void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction) {
        int half = (int) cosSin.columns() / 2;
        int heads = (int) ((x.columns() + headSize - 1) / headSize);
        boolean halves = layout == RopeLayout.HALVES;
        int lanes = grid.overRows(x.rows(), x.columns(), Grid.lanes(x)).with(x).with(cosSin).dividing(headSize).dividing(halves ? half : 2L * half).lanes();
        long packs = halves ? half / lanes : half / Math.max(1, lanes / 2);
        (halves ? ropeHalves : ropePairs).of(x.dtype(), lanes).matrix(x).longInteger(x.rows()).integer(heads).integer(headSize).pointer(positions)
                .matrix(cosSin).integer(half).real(direction == Direction.FORWARD ? 1 : -1)
                .launch(grid.blocks(x.rows() * heads * packs, Grid.THREADS), 1, 1, Grid.THREADS, 0);
    }

    void latentHeads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        int turned = (int) rotary.columns();
        int plain = shape.keySize() - turned;
        grid.overRows(up.rows(), (long) shape.heads() * (shape.keySize() + shape.valueSize()), Grid.lanes(up)).with(up).with(rotary).with(k).with(v)
                .dividing(plain).dividing(turned).dividing(shape.valueSize());
        latentHeads.of(up.dtype(), grid.lanes()).matrix(up).matrix(rotary).matrix(k).matrix(v).longInteger(up.rows()).integer(shape.heads()).integer(plain)
                .integer(turned).integer(shape.valueSize()).launch(grid.blocks(Grid.THREADS), 1, 1, Grid.THREADS, 0);
    }

    void latentHeadsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary) {
        int turned = (int) dRotary.columns();
        int plain = shape.keySize() - turned;
        grid.overRows(dUp.rows(), dUp.columns() + turned, Grid.lanes(dUp)).with(dk).with(dv).with(dUp).with(dRotary).dividing(plain).dividing(turned)
                .dividing(shape.valueSize());
        latentHeadsGrad.of(dUp.dtype(), grid.lanes()).matrix(dk).matrix(dv).matrix(dUp).matrix(dRotary).longInteger(dUp.rows()).integer(shape.heads())
                .integer(plain).integer(turned).integer(shape.valueSize()).launch(grid.blocks(Grid.THREADS), 1, 1, Grid.THREADS, 0);
    }

    void mergeAttention(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        int heads = (int) logSumExp.columns();
        long threads = logSumExp.rows() * heads * WARP;
        merge.of(partOut.dtype(), out.dtype(), 1).matrix(partOut).matrix(partLogSumExp).matrix(out).matrix(logSumExp).integer((int) logSumExp.rows())
                .integer(heads).integer((int) out.columns() / heads).launch((int) ((threads + Grid.THREADS - 1) / Grid.THREADS), 1, 1, Grid.THREADS, 0);
    }
}
