package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Products of a matrix and a vector, and of two vectors, such as those of a gate [1, D] and the losses of tokens: {@code thin.cu}, {@code columns.cu}. Each moves the
 * matrix once; sums are in float32 in an order that depends on the sizes alone.
 */
final class ThinProducts {

    private static final int WARP = 32;
    private static final int BLOCKS_OF_A_MULTIPROCESSOR = 8;

    private final int multiprocessors;
    private final Grid grid;
    private final ElementwiseKernels elementwise;
    private final ColumnSums sums;
    private final Variants dots;
    private final Variants outer;

    ThinProducts(CudaDevice device, Modules modules, ElementwiseKernels elementwise, ColumnSums sums) {
        this.multiprocessors = device.multiprocessors();
        this.grid = new Grid(device.multiprocessors());
        this.elementwise = elementwise;
        this.sums = sums;
        this.dots = modules.variants("thin.cu", "dots");
        this.outer = modules.variants("thin.cu", "outer");
    }

    /** As {@code Kernels.matmul}, where it is a product of these forms. @return whether it was */
    boolean multiply(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write) {
        long inner = transposeA == Transpose.YES ? a.rows() : a.columns();
        if (out.elements() == 0 || inner == 0) {
            return false;
        }
        // A row lies along, a column goes from row to row.
        boolean rowA = transposeA == Transpose.NO;
        boolean rowB = transposeB == Transpose.YES;
        if (out.columns() == 1 && rowA && (rowB || isDense(b))) {
            dots(a, b, out, out.rowStride(), write);
        } else if (out.rows() == 1 && rowB && (rowA || isDense(a))) {
            dots(b, a, out, 1, write);
        } else if (inner == 1 && (!rowB || isDense(b))) {
            outer(a, rowA ? a.rowStride() : 1, b, out, write);
        } else if (out.rows() == 1 && !rowB) {
            if (write == Write.OVERWRITE) {
                elementwise.fill(out, 0);
            }
            sums.add(b, a.address(), rowA ? 1 : a.rowStride(), out);
        } else {
            return false;
        }
        return true;
    }

    /** Whether a column's numbers are neighbours. */
    private static boolean isDense(Tensor column) {
        return column.rows() <= 1 || column.rowStride() == 1;
    }

    private static int lanes(Tensor rows, Tensor vector, DType result) {
        int lanes = Math.min(Grid.lanes(rows), 16 / result.sizeBytes());
        return Grid.aligned(rows, lanes) && vector.address() % ((long) lanes * vector.dtype().sizeBytes()) == 0 ? lanes : 1;
    }

    /** Numbers of {@code out} lie {@code stride} apart. */
    private void dots(Tensor rows, Tensor vector, Tensor out, long stride, Write write) {
        int warps = Grid.THREADS / WARP;
        int blocks = (int) Math.min((rows.rows() + warps - 1) / warps, (long) multiprocessors * BLOCKS_OF_A_MULTIPROCESSOR);
        dots.of(rows.dtype(), out.dtype(), lanes(rows, vector, rows.dtype())).matrix(rows).pointer(vector).pointer(out).longInteger(stride).integer(adds(write))
                .longInteger(rows.rows()).longInteger(rows.columns()).launch(blocks, 1, 1, Grid.THREADS, 0);
    }

    /** The factors of rows lie {@code stride} apart. */
    private void outer(Tensor factors, long stride, Tensor vector, Tensor out, Write write) {
        int lanes = vector.address() % 16 == 0 ? Grid.lanes(vector, out) : 1;
        grid.overRows(out.rows(), out.columns(), lanes).with(out);
        grid.launch(outer.of(vector.dtype(), out.dtype(), grid.lanes()).pointer(factors).longInteger(stride).pointer(vector).matrix(out).integer(adds(write)));
    }

    private static int adds(Write write) {
        return write == Write.ACCUMULATE ? 1 : 0;
    }
}
