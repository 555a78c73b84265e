package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** What goes by a token's id, position or label: {@code embedding.cu}, {@code rope.cu} and {@code loss.cu}. */
final class TokenKernels {

    private static final int MIXED_ELEMENTS = 8;
    private static final int WARP = 32;
    private static final int THREADS = 256;
    private static final int LOSS_THREADS = 512;

    private final int multiprocessors;
    private final Grid grid;
    private final Modules.Versions embedding;
    private final Modules.Versions embeddingGrad;
    private final Modules.Versions ropeHalves;
    private final Modules.Versions ropePairs;
    private final Modules.Versions latentHeads;
    private final Modules.Versions latentHeadsGrad;
    private final Modules.Versions merge;
    private final Modules.Versions softmaxStatistics;
    private final Modules.Versions crossEntropyGrad;

    TokenKernels(CudaDevice device, Modules modules) {
        this.multiprocessors = device.multiprocessors();
        this.grid = new Grid(multiprocessors);
        this.embedding = modules.versions("embedding.cu", "embedding");
        this.embeddingGrad = modules.versions("embedding.cu", "embeddingGrad");
        this.ropeHalves = modules.versions("rope.cu", "ropeHalves");
        this.ropePairs = modules.versions("rope.cu", "ropePairs");
        this.latentHeads = modules.versions("rope.cu", "latentHeads");
        this.latentHeadsGrad = modules.versions("rope.cu", "latentHeadsGrad");
        this.merge = modules.versions("attention.cu", "merge");
        this.softmaxStatistics = modules.versions("loss.cu", "softmaxStatistics");
        this.crossEntropyGrad = modules.versions("loss.cu", "crossEntropyGrad");
    }

    void embedding(Tensor ids, Tensor table, long firstRow, Tensor out) {
        int elements = ElementwiseKernels.elements(table.dtype());
        grid.over(out.rows(), out.columns()).with(table, elements).with(out, elements).lay(elements);
        embedding.of(table.dtype(), grid.vector).pointer(ids).matrix(table).longInteger(firstRow).longInteger(table.rows()).matrix(out)
                .longInteger(grid.rows).longInteger(grid.columns).launch(grid.x, grid.y, 1, grid.threads, 0);
    }

    /** One block a token; comparing ids is T x T / 2 readings of four bytes from the cache. */
    void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable) {
        int elements = dy.dtype() == DType.F32 ? ElementwiseKernels.elements(DType.F32) : MIXED_ELEMENTS;
        boolean vector = dy.columns() % elements == 0 && Grid.aligned(dy, elements) && Grid.aligned(dTable, elements);
        embeddingGrad.of(dy.dtype(), dTable.dtype(), vector).pointer(ids).matrix(dy).longInteger(firstRow).longInteger(dTable.rows()).matrix(dTable)
                .integer(Math.toIntExact(dy.rows())).longInteger(dy.columns()).launch((int) dy.rows(), 1, 1, THREADS, 0);
    }

    void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction) {
        int half = (int) cosSin.columns() / 2;
        int heads = (int) ((x.columns() + headSize - 1) / headSize);
        int elements = ElementwiseKernels.elements(x.dtype());
        boolean halves = layout == RopeLayout.HALVES;
        boolean vector = halves && half % elements == 0 && headSize % elements == 0 && Grid.aligned(x, elements);
        Kernel kernel = halves ? ropeHalves.of(x.dtype(), vector) : ropePairs.plain(x.dtype());
        long lanes = x.rows() * heads * (half / (vector ? elements : 1));
        int blocks = (int) Math.min((lanes + THREADS - 1) / THREADS, multiprocessors * 64L);
        kernel.matrix(x).pointer(positions).pointer(cosSin).integer(half).integer(headSize).integer(heads).longInteger(x.rows())
                .real(direction == Direction.FORWARD ? 1 : -1).launch(blocks, 1, 1, THREADS, 0);
    }

    void latentHeads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        int plain = shape.keySize() - (int) rotary.columns();
        grid.over(up.rows(), (long) shape.heads() * (shape.keySize() + shape.valueSize())).lay(1);
        latentHeads.plain(up.dtype()).matrix(up).matrix(rotary).matrix(k).matrix(v).integer(shape.heads()).integer(plain).integer((int) rotary.columns())
                .integer(shape.valueSize()).longInteger(up.rows()).launch(grid.x, grid.y, 1, grid.threads, 0);
    }

    void latentHeadsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary) {
        int plain = shape.keySize() - (int) dRotary.columns();
        grid.over(dUp.rows(), dUp.columns() + dRotary.columns()).lay(1);
        latentHeadsGrad.plain(dUp.dtype()).matrix(dk).matrix(dv).matrix(dUp).matrix(dRotary).integer(shape.heads()).integer(plain)
                .integer((int) dRotary.columns()).integer(shape.valueSize()).longInteger(dUp.rows()).launch(grid.x, grid.y, 1, grid.threads, 0);
    }

    void mergeAttention(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        int heads = (int) logSumExp.columns();
        long lanes = logSumExp.rows() * heads * WARP;
        merge.between(partOut.dtype(), out.dtype()).matrix(partOut).matrix(partLogSumExp).matrix(out).matrix(logSumExp).integer((int) logSumExp.rows())
                .integer(heads).integer((int) out.columns() / heads).launch((int) ((lanes + THREADS - 1) / THREADS), 1, 1, THREADS, 0);
    }

    void softmaxStatistics(Tensor logits, Tensor labels, long firstColumn, Tensor logSumExp, Tensor picked) {
        int elements = ElementwiseKernels.elements(logits.dtype());
        boolean vector = logits.columns() % elements == 0 && Grid.aligned(logits, elements);
        softmaxStatistics.of(logits.dtype(), vector).matrix(logits).pointer(labels).longInteger(firstColumn).pointer(logSumExp).pointer(picked)
                .longInteger(logits.columns()).launch((int) logits.rows(), 1, 1, LOSS_THREADS, 0);
    }

    void crossEntropyGrad(Tensor logits, Tensor logSumExp, Tensor labels, long firstColumn, Tensor scale) {
        int elements = ElementwiseKernels.elements(logits.dtype());
        grid.over(logits.rows(), logits.columns()).with(logits, elements).lay(elements);
        crossEntropyGrad.of(logits.dtype(), grid.vector).matrix(logits).pointer(logSumExp).pointer(labels).longInteger(firstColumn).pointer(scale)
                .longInteger(grid.rows).longInteger(grid.columns).launch(grid.x, grid.y, 1, grid.threads, 0);
    }
}
