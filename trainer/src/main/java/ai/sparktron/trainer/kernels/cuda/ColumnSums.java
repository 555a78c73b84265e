package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** Sums over rows in two stages of a fixed order, through partial sums in the workspace: {@code columns.cu}. Moves the tensor's bytes, and little beside. */
final class ColumnSums {

    private static final int WARP = 32;
    private static final int THREADS = 256;
    private static final int STAGE_TWO_THREADS = 1024;
    private static final int BLOCKS_OF_A_MULTIPROCESSOR = 4;
    /** Fewer rows are not worth a split: each leaves a row of partial sums. */
    private static final long LEAST_ROWS_OF_A_SPLIT = 64;
    private static final int MOST_SPLITS = 65_535;

    private final int multiprocessors;
    private final Workspace workspace;
    private final Variants columnSums;
    private final Variants weightedSums;
    private final Variants addPartials;

    ColumnSums(CudaDevice device, Modules modules, Workspace workspace) {
        this.multiprocessors = device.multiprocessors();
        this.workspace = workspace;
        this.columnSums = modules.variants("columns.cu", "columnSums");
        this.weightedSums = modules.variants("columns.cu", "weightedSums");
        this.addPartials = modules.variants("columns.cu", "addPartials");
    }

    /** sums[c] += the sum over rows of x[r, c]. */
    void add(Tensor x, Tensor sums) {
        add(x, 0, 0, sums);
    }

    /** sums[c] += the sum over rows of factor[r] x[r, c]. @param factors address of numbers of the type of x, {@code stride} apart; 0 = all of them 1 */
    void add(Tensor x, long factors, long stride, Tensor sums) {
        if (x.elements() == 0) {
            return;
        }
        int lanes = Grid.aligned(x, Grid.lanes(x)) ? Grid.lanes(x) : 1;
        int columns = Math.toIntExact(x.columns());
        int tiles = (columns + WARP * lanes - 1) / (WARP * lanes);
        long splits = Math.min(Math.max(1, x.rows() / LEAST_ROWS_OF_A_SPLIT), Math.max(1, multiprocessors * BLOCKS_OF_A_MULTIPROCESSOR / tiles));
        int parts = (int) Math.min(MOST_SPLITS, splits);
        long partial = workspace.address((long) parts * columns * Float.BYTES);
        Kernel kernel = (factors == 0 ? columnSums : weightedSums).of(x.dtype(), lanes).matrix(x).longInteger(x.rows()).integer(columns);
        (factors == 0 ? kernel : kernel.pointer(factors).longInteger(stride)).pointer(partial).launch(tiles, parts, 1, THREADS, 0);
        addPartials(partial, parts, sums);
    }

    /** sums[c] += the sum over parts of partial[part, c], float32 in the workspace. */
    void addPartials(long partial, int parts, Tensor sums) {
        int columns = Math.toIntExact(sums.columns());
        addPartials.of(DType.F32, sums.dtype(), 1).pointer(partial).integer(parts).integer(columns).pointer(sums)
                .launch((columns + WARP - 1) / WARP, 1, 1, STAGE_TWO_THREADS, 0);
    }
}
