package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * How the elements of tensors of one shape are dealt to threads, for {@code eachPack} of {@code types.cuh}: tensors that are all contiguous are one long row, and
 * {@link #lanes} neighbours go together where every tensor allows it. Reused call after call by the device's thread: {@code over}, then {@code with} for every
 * tensor, then {@link #launch}.
 */
final class Grid {

    static final int THREADS = 256;

    /** Bytes that one instruction moves. */
    private static final int VECTOR_BYTES = 16;
    /** Full multiprocessors; longer tensors are gone through in a loop. */
    private static final int BLOCKS_OF_A_MULTIPROCESSOR = 8;

    private final int multiprocessors;
    private long rows;
    private long columns;
    private int lanes;
    private boolean flat;
    private boolean vector;

    Grid(int multiprocessors) {
        this.multiprocessors = multiprocessors;
    }

    /** Most elements of a type that are moved at once. */
    static int lanes(Tensor tensor) {
        return VECTOR_BYTES / tensor.dtype().sizeBytes();
    }

    /** Most elements of both types that are moved at once. */
    static int lanes(Tensor first, Tensor second) {
        return Math.min(lanes(first), lanes(second));
    }

    /** Whether the tensor's rows begin where {@code lanes} elements can be moved at once, and consist of as many. */
    static boolean aligned(Tensor tensor, int lanes) {
        return starts(tensor, lanes) && tensor.columns() % lanes == 0;
    }

    private static boolean starts(Tensor tensor, int lanes) {
        return tensor.address() % ((long) lanes * tensor.dtype().sizeBytes()) == 0 && (tensor.rows() <= 1 || tensor.rowStride() % lanes == 0);
    }

    /** The elements of tensors of this one's shape. */
    Grid over(Tensor tensor, int mostLanes) {
        return start(tensor.rows(), tensor.columns(), mostLanes, true);
    }

    /** Rows that stay rows, because a kernel goes by row or column. */
    Grid overRows(long rowCount, long columnCount, int mostLanes) {
        return start(rowCount, columnCount, mostLanes, false).dividing(columnCount);
    }

    private Grid start(long rowCount, long columnCount, int mostLanes, boolean mayBeFlat) {
        rows = rowCount;
        columns = columnCount;
        lanes = mostLanes;
        flat = mayBeFlat;
        vector = true;
        return this;
    }

    /** A tensor that the kernel reads or writes. */
    Grid with(Tensor tensor) {
        flat &= tensor.isContiguous();
        vector &= starts(tensor, lanes);
        return this;
    }

    /** Packs lie within parts of this many elements. */
    Grid dividing(long size) {
        vector &= size % lanes == 0;
        return this;
    }

    /** Elements that a thread moves at once; after the last {@code with}. */
    int lanes() {
        if (flat) {
            columns *= rows;
            rows = columns == 0 ? 0 : 1;
            flat = false;
        }
        if (!vector || rows > 1 && columns % lanes != 0) {
            lanes = 1;
        }
        return lanes;
    }

    /** Launches a kernel whose last parameters are rows and columns. */
    void launch(Kernel kernel) {
        kernel.longInteger(rows).longInteger(columns).launch(blocks(THREADS), 1, 1, THREADS, 0);
    }

    /** Blocks of so many threads. */
    int blocks(int threads) {
        return blocks(rows * ((columns + lanes - 1) / lanes), threads);
    }

    /** Blocks of so many threads for packs, of which a thread may have several. */
    int blocks(long packs, int threads) {
        return (int) Math.min((packs + threads - 1) / threads, (long) multiprocessors * BLOCKS_OF_A_MULTIPROCESSOR * THREADS / threads);
    }

    long rows() {
        return rows;
    }

    long columns() {
        return columns;
    }
}
