package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * How threads are laid over the rows and columns of tensors of one shape: contiguous tensors are one long row. Reused call after call by the device's thread.
 */
final class Grid {

    private static final int MOST_Y = 65_535;
    private static final int THREADS = 256;
    private static final int ALIGNMENT_BYTES = 16;

    private final int mostBlocks;
    long rows;
    long columns;
    boolean vector;
    int threads;
    int x;
    int y;
    private boolean contiguous;

    /** @param multiprocessors of the device: a grid is a few waves at most, longer tensors are gone through in a loop */
    Grid(int multiprocessors) {
        this.mostBlocks = multiprocessors * 32;
    }

    /** Lays threads over a shape; {@link #with} must follow for every tensor, then {@link #lay}. */
    Grid over(Tensor tensor) {
        rows = tensor.rows();
        columns = tensor.columns();
        vector = true;
        contiguous = true;
        return this;
    }

    /** Rows and columns of part of a tensor. */
    Grid over(long rowCount, long columnCount) {
        rows = rowCount;
        columns = columnCount;
        vector = true;
        contiguous = false;
        return this;
    }

    /** A tensor of that shape, of which {@code elements} lie together for one thread in the vector version. */
    Grid with(Tensor tensor, int elements) {
        contiguous &= tensor.isContiguous();
        vector &= aligned(tensor, elements);
        return this;
    }

    /** A tensor that every row reads from its start, such as a bias: threads stay within rows. */
    Grid withRow(Tensor tensor, int elements) {
        contiguous = false;
        vector &= tensor.address() % Math.min(ALIGNMENT_BYTES, elements * tensor.dtype().sizeBytes()) == 0;
        return this;
    }

    /** Whether rows begin where {@code elements} can be moved at once. */
    static boolean aligned(Tensor tensor, int elements) {
        int bytes = Math.min(ALIGNMENT_BYTES, elements * tensor.dtype().sizeBytes());
        return tensor.address() % bytes == 0 && (tensor.rows() <= 1 || tensor.rowStride() * tensor.dtype().sizeBytes() % bytes == 0);
    }

    /** Settles the grid. @param elements of a thread in the vector version */
    Grid lay(int elements) {
        if (contiguous) {
            columns *= rows;
            rows = columns == 0 ? 0 : 1;
        }
        vector &= columns % elements == 0;
        long perThread = vector ? elements : 1;
        long lanes = (columns + perThread - 1) / perThread;
        threads = (int) Math.min(THREADS, (lanes + 31) / 32 * 32);
        y = (int) Math.min(MOST_Y, rows);
        long blocks = threads == 0 ? 0 : (lanes + threads - 1) / threads;
        x = (int) Math.min(blocks, Math.max(1, mostBlocks / Math.max(1, Math.min(y, mostBlocks))));
        if (rows > 1) {
            x = (int) Math.min(blocks, Integer.MAX_VALUE);
        }
        return this;
    }
}
