package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A float32 tensor of the host as rows that are copied to arrays and back: our loops run on arrays that stay in the first cache, because that is what
 * both the Vector API and the compiler's own vectoriser handle well on every Java from 17. A matrix of more than 2 GiB is several buffers.
 */
final class HostRows {

    /** Floats that a loop takes at a time: six arrays of this size fit the first cache. */
    static final int CHUNK = 2048;

    private final FloatBuffer[] windows;
    private final int rowsOfWindow;
    private final int stride;
    private final int rows;
    private final int columns;

    private HostRows(FloatBuffer[] windows, int rowsOfWindow, int stride, int rows, int columns) {
        this.windows = windows;
        this.rowsOfWindow = rowsOfWindow;
        this.stride = stride;
        this.rows = rows;
        this.columns = columns;
    }

    /** The tensor's own rows. */
    static HostRows of(Tensor tensor) {
        int stride = Math.toIntExact(tensor.rowStride());
        int rows = Math.toIntExact(tensor.rows());
        int columns = Math.toIntExact(tensor.columns());
        if (!HostWindows.isLarge(tensor) || tensor.shape().rank() != 2) {
            return new HostRows(new FloatBuffer[] {floats(tensor)}, Math.max(1, rows), stride, rows, columns);
        }
        List<FloatBuffer> windows = new ArrayList<>();
        HostWindows.each(tensor, (from, count) -> windows.add(floats(tensor.rows(from, count))));
        int rowsOfWindow = Math.toIntExact(HostWindows.LIMIT_BYTES / ((long) stride * Float.BYTES));
        return new HostRows(windows.toArray(FloatBuffer[]::new), rowsOfWindow, stride, rows, columns);
    }

    private static FloatBuffer floats(Tensor tensor) {
        return ((ByteBuffer) tensor.view()).asFloatBuffer();
    }

    /** One long row of a contiguous tensor, or its own rows. */
    static HostRows of(Tensor tensor, boolean flat) {
        if (!flat) {
            return of(tensor);
        }
        int elements = Math.toIntExact(tensor.elements());
        return new HostRows(new FloatBuffer[] {floats(tensor)}, 1, elements, 1, elements);
    }

    /** Whether all of these can be read as one long row. */
    static boolean flat(Tensor... tensors) {
        for (Tensor tensor : tensors) {
            if (!tensor.isContiguous()) {
                return false;
            }
        }
        return true;
    }

    int rows() {
        return rows;
    }

    int columns() {
        return columns;
    }

    private FloatBuffer window(int row) {
        return windows.length == 1 ? windows[0] : windows[row / rowsOfWindow];
    }

    private int index(int row, int column) {
        return (windows.length == 1 ? row : row % rowsOfWindow) * stride + column;
    }

    void load(int row, int column, int count, float[] target) {
        window(row).get(index(row, column), target, 0, count);
    }

    void store(int row, int column, int count, float[] source) {
        window(row).put(index(row, column), source, 0, count);
    }

    float get(int row, int column) {
        return window(row).get(index(row, column));
    }

    void set(int row, int column, float value) {
        window(row).put(index(row, column), value);
    }

    /** What is done to {@code count} elements from a place on. */
    interface Span {
        void at(int row, int column, int count);
    }

    /** Calls {@code span} over all elements, in rows, {@link #CHUNK} at a time. */
    void spans(Span span) {
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column += CHUNK) {
                span.at(row, column, Math.min(CHUNK, columns - column));
            }
        }
    }
}
