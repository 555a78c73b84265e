package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * Gradients of weights that make float32 scores of 16-bit rows, as of a router or a gate, and of these rows: {@code mixed.cu}. Reads rows and weights as they are. Sums
 * are in float32 in an order that depends on the sizes alone.
 */
final class MixedProducts {

    /** Columns of rows that a block has. */
    private static final int TILE = 512;
    private static final int THREADS = 256;
    /** Rows, and columns of scores, that the tensor cores take at a time. */
    private static final int PIECE = 16;
    /** Sums of more do not fit into the registers of a block. */
    private static final int MOST_PIECES = 4;
    /** Rows of scores in a block's shared memory: a chunk that is multiplied and the next. */
    private static final int ROWS_OF_SCORES = 2 * 64;
    /** Neighbours of a row that are read at once. */
    private static final int LANES = 8;
    /** Neighbours of scores that are read at once. */
    private static final int SCORE_LANES = 4;
    private static final int SUMS_OF_A_BLOCK = 32;

    private final int multiprocessors;
    private final Workspace workspace;
    private final Variants shares;
    private final Variants addShares;
    private final Variants rowsOf;

    MixedProducts(CudaDevice device, Modules modules, Workspace workspace) {
        this.multiprocessors = device.multiprocessors();
        this.workspace = workspace;
        this.shares = modules.variants(List.of("mma.cuh"), "mixed.cu", "shares");
        this.addShares = modules.variants(List.of("mma.cuh"), "mixed.cu", "addShares");
        this.rowsOf = modules.variants(List.of("mma.cuh"), "mixed.cu", "rowsOf");
    }

    /** As {@code Kernels.matmul}: scores float32, b bfloat16 or float16 and not transposed, out float32 or of the type of b. */
    void multiply(Tensor scores, Transpose transposed, Tensor b, Tensor out, Write write) {
        if (out.elements() == 0) {
            return;
        }
        if (transposed == Transpose.YES) {
            weightGradient(scores, b, out, write);
        } else {
            rowGradient(scores, b, out, write);
        }
    }

    /** out [E, D] = or += scores [R, E]^T x [R, D]. */
    private void weightGradient(Tensor scores, Tensor x, Tensor out, Write write) {
        int count = Math.toIntExact(out.rows());
        int columns = Math.toIntExact(out.columns());
        int pieces = parts(count, PIECE);
        int groups = parts(pieces, MOST_PIECES);
        int piecesOfAGroup = parts(pieces, groups);
        int tiles = parts(columns, TILE);
        int parts = shares(x.rows(), piecesOfAGroup, (long) tiles * groups);
        long partial = workspace.address((long) parts * out.elements() * Float.BYTES);
        int lanes = Grid.aligned(x, LANES) ? LANES : 1;
        shares.of(x.dtype(), out.dtype(), lanes, piecesOfAGroup).matrix(scores).matrix(x).pointer(partial).longInteger(x.rows()).integer(count).integer(columns)
                .launch(tiles, parts, groups, THREADS, ROWS_OF_SCORES * (PIECE * piecesOfAGroup + 2) * Float.BYTES);
        addShares.of(x.dtype(), out.dtype(), lanes, piecesOfAGroup).pointer(partial).integer(parts).matrix(out).integer(write == Write.ACCUMULATE ? 1 : 0)
                .integer(count).integer(columns).launch(Math.toIntExact((out.elements() + SUMS_OF_A_BLOCK - 1) / SUMS_OF_A_BLOCK), 1, 1, THREADS, 0);
    }

    /** out [R, D] = or += scores [R, E] w [E, D]. */
    private void rowGradient(Tensor scores, Tensor w, Tensor out, Write write) {
        int count = Math.toIntExact(w.rows());
        int columns = Math.toIntExact(out.columns());
        int pieces = Math.max(1, Math.min(MOST_PIECES, parts(count, PIECE)));
        int tiles = parts(columns, TILE);
        int lanes = Grid.aligned(w, LANES) && Grid.aligned(out, LANES) ? LANES : 1;
        rowsOf.of(w.dtype(), out.dtype(), lanes, pieces).matrix(scores).matrix(w).matrix(out).integer(write == Write.ACCUMULATE ? 1 : 0)
                .integer(Grid.aligned(scores, SCORE_LANES) ? 1 : 0).longInteger(out.rows()).integer(count).integer(columns)
                .launch(tiles, shares(out.rows(), pieces, tiles), 1, THREADS, 0);
    }

    /** Into how many the rows are shared out: every multiprocessor has a block, or two where their registers are few. */
    private int shares(long rows, int pieces, long blocksOfAShare) {
        long blocks = (long) multiprocessors * (pieces == 1 ? 2 : 1);
        return (int) Math.max(1, Math.min((rows + PIECE - 1) / PIECE, blocks / blocksOfAShare));
    }

    private static int parts(int whole, int most) {
        return (whole + most - 1) / most;
    }
}
