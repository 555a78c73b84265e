package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * RMSNorm and sums over rows: {@code norm.cu} and {@code reductions.cu}. A norm reads its operands once and writes once; the gradient of the weight is added up
 * in two stages of a fixed order.
 */
final class NormKernels {

    private static final int WARP = 32;
    private static final int TEAM_THREADS = 128;
    private static final int MOST_PACKS_OF_A_WARP = 4;
    /** Threads of a multiprocessor that norms aim at, and at most of a block. */
    private static final int MOST_THREADS = 1024;
    private static final int USUAL_THREADS = 512;
    private static final int SCALAR_THREADS = 256;
    /** Blocks of the gradient on a multiprocessor: each leaves one row of partial sums. */
    private static final int GRADIENT_BLOCKS = 2;
    private static final int SUM_LANES = 32;
    private static final int SUM_THREADS = 256;
    private static final long LEAST_ROWS_OF_A_CHUNK = 32;

    private final int multiprocessors;
    private final Workspace workspace;
    private final Modules.Versions norm;
    private final Modules.Versions normGrad;
    private final Modules.Versions columnSums;
    private final Modules.Versions addChunks;

    NormKernels(CudaDevice device, Modules modules, Workspace workspace) {
        this.multiprocessors = device.multiprocessors();
        this.workspace = workspace;
        this.norm = modules.versions("norm.cu", "norm");
        this.normGrad = modules.versions("norm.cu", "normGrad");
        this.columnSums = modules.versions("reductions.cu", "columnSums");
        this.addChunks = modules.versions("reductions.cu", "addChunks");
    }

    /** Lanes of a team for K columns in packs of {@code elements}: a power of two up to a warp, or a whole block. */
    private static int width(int columns, int elements) {
        int packs = (columns + elements - 1) / elements;
        if (packs > WARP * MOST_PACKS_OF_A_WARP) {
            int each = 1;
            while (packs > USUAL_THREADS * each) {
                each *= 2;
            }
            return ((packs + each - 1) / each + WARP - 1) / WARP * WARP;
        }
        return Math.min(WARP, Integer.highestOneBit(Math.max(1, packs * 2 - 1)));
    }

    /** Packs of a thread, as a number that the source was compiled for; 0 when there are too many. */
    private static int packs(int columns, int elements, int width) {
        int needed = (columns + elements * width - 1) / (elements * width);
        return needed <= 1 ? 1 : needed <= 2 ? 2 : needed <= 4 ? 4 : needed <= 8 ? 8 : 0;
    }

    private static boolean vector(int columns, int elements, Tensor weight, Tensor first, Tensor second, Tensor third) {
        return columns % elements == 0 && Grid.aligned(weight, elements) && Grid.aligned(first, elements) && (second == null || Grid.aligned(second, elements))
                && Grid.aligned(third, elements);
    }

    /** @param delta added to {@code x} in place first; null = nothing */
    void norm(Tensor x, Tensor delta, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        int columns = (int) weight.columns();
        int perRow = (int) (x.columns() / columns);
        long groups = x.rows() * perRow;
        int elements = ElementwiseKernels.elements(x.dtype());
        int width = width(columns, elements);
        int packs = packs(columns, elements, width);
        boolean vector = packs > 0 && vector(columns, elements, weight, x, delta, out);
        int threads = !vector ? SCALAR_THREADS : width > WARP ? width : TEAM_THREADS;
        int teams = !vector || width > WARP ? 1 : threads / width;
        (vector ? norm.numbered(x.dtype(), packs) : norm.of(x.dtype(), false)).matrix(x).matrixOrNone(delta).pointer(weight).real(epsilon).matrix(out)
                .pointerOrNone(inverseRms).longInteger(groups).integer(perRow).integer(columns).integer(width)
                .launch(blocks(groups, teams), 1, 1, threads, 0);
    }

    private static int blocks(long groups, int teams) {
        return (int) Math.min(Integer.MAX_VALUE, (groups + teams - 1) / teams);
    }

    /** @param dWeight null for a frozen weight */
    void normGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeight) {
        int columns = (int) weight.columns();
        int perRow = (int) (x.columns() / columns);
        long groups = x.rows() * perRow;
        int elements = ElementwiseKernels.elements(x.dtype());
        int width = width(columns, elements);
        int packs = packs(columns, elements, width);
        boolean vector = packs > 0 && vector(columns, elements, weight, dy, x, dx);
        int threads = !vector ? SCALAR_THREADS : width > WARP ? width : SCALAR_THREADS;
        int teams = !vector || width > WARP ? 1 : threads / width;
        int perMultiprocessor = Math.max(GRADIENT_BLOCKS, MOST_THREADS / threads);
        int blocks = Math.min(blocks(groups, teams), multiprocessors * perMultiprocessor);
        long partial = dWeight == null ? 0 : workspace.address((long) blocks * columns * Float.BYTES);
        int sharedBytes = dWeight == null || !vector ? 0 : teams * columns * Float.BYTES;
        (vector ? normGrad.numbered(x.dtype(), packs) : normGrad.of(x.dtype(), false)).matrix(dy).matrix(x).pointer(weight).pointer(inverseRms).matrix(dx)
                .integer(dxWrite == Write.ACCUMULATE ? 1 : 0).pointer(partial).longInteger(groups).integer(perRow).integer(columns).integer(width)
                .launch(blocks, 1, 1, threads, sharedBytes);
        if (dWeight != null && blocks > 0) {
            addChunks(partial, blocks, dWeight, columns);
        }
    }

    /** sums[c] += the sum over rows of x[r, c]. */
    void addColumnSums(Tensor x, Tensor sums) {
        if (x.rows() == 0) {
            return;
        }
        int elements = ElementwiseKernels.elements(x.dtype());
        boolean vector = x.columns() % elements == 0 && Grid.aligned(x, elements);
        long perBlock = SUM_LANES * (vector ? elements : 1);
        int across = (int) ((x.columns() + perBlock - 1) / perBlock);
        long wanted = Math.max(1, multiprocessors * 8L / across);
        long chunks = Math.max(1, Math.min(wanted, x.rows() / LEAST_ROWS_OF_A_CHUNK));
        long rows = (x.rows() + chunks - 1) / chunks;
        chunks = (x.rows() + rows - 1) / rows;
        long partial = workspace.address(chunks * x.columns() * Float.BYTES);
        columnSums.of(x.dtype(), vector).matrix(x).pointer(partial).longInteger(x.rows()).longInteger(x.columns()).longInteger(rows)
                .launch(across, (int) chunks, 1, SUM_THREADS, 0);
        addChunks(partial, chunks, sums, x.columns());
    }

    private void addChunks(long partial, long chunks, Tensor sums, long columns) {
        addChunks.plain(sums.dtype()).pointer(partial).longInteger(chunks).pointer(sums).longInteger(columns)
                .launch((int) ((columns + SUM_LANES - 1) / SUM_LANES), 1, 1, SUM_THREADS, 0);
    }
}
