package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * Gradients of weights that make float32 scores of 16-bit rows, as of a router or a gate: {@code mixed.cu}. Reads the rows once and as they are. Sums are in float32 in
 * an order that depends on the sizes alone.
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
    private static final int SUMS_OF_A_BLOCK = 32;

    private final int multiprocessors;
    private final Workspace workspace;
    private final Variants shares;
    private final Variants addShares;

    MixedProducts(CudaDevice device, Modules modules, Workspace workspace) {
        this.multiprocessors = device.multiprocessors();
        this.workspace = workspace;
        this.shares = modules.variants(List.of("mma.cuh"), "mixed.cu", "shares");
        this.addShares = modules.variants(List.of("mma.cuh"), "mixed.cu", "addShares");
    }

    /** out [E, D] = or += scores [R, E]^T x [R, D]; scores float32, x bfloat16 or float16, out float32 or of the type of x. */
    void multiply(Tensor scores, Tensor x, Tensor out, Write write) {
        if (out.elements() == 0) {
            return;
        }
        int count = Math.toIntExact(out.rows());
        int columns = Math.toIntExact(out.columns());
        int pieces = parts(count, PIECE);
        int groups = parts(pieces, MOST_PIECES);
        int piecesOfAGroup = parts(pieces, groups);
        int tiles = parts(columns, TILE);
        // Every multiprocessor has a block, or two where their registers are few.
        int blocks = multiprocessors * (piecesOfAGroup == 1 ? 2 : 1);
        int parts = (int) Math.max(1, Math.min((x.rows() + PIECE - 1) / PIECE, blocks / ((long) tiles * groups)));
        long partial = workspace.address((long) parts * out.elements() * Float.BYTES);
        int lanes = Grid.aligned(x, LANES) ? LANES : 1;
        shares.of(x.dtype(), out.dtype(), lanes, piecesOfAGroup).matrix(scores).matrix(x).pointer(partial).longInteger(x.rows()).integer(count).integer(columns)
                .launch(tiles, parts, groups, THREADS, ROWS_OF_SCORES * (PIECE * piecesOfAGroup + 2) * Float.BYTES);
        addShares.of(x.dtype(), out.dtype(), lanes, piecesOfAGroup).pointer(partial).integer(parts).matrix(out).integer(write == Write.ACCUMULATE ? 1 : 0)
                .integer(count).integer(columns).launch(Math.toIntExact((out.elements() + SUMS_OF_A_BLOCK - 1) / SUMS_OF_A_BLOCK), 1, 1, THREADS, 0);
    }

    private static int parts(int whole, int most) {
        return (whole + most - 1) / most;
    }
}
