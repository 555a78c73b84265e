package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A tensor of the host as rows that are copied to float32 arrays and back: our loops run on arrays that stay in the first cache, because that is what
 * both the Vector API and the compiler's own vectoriser handle well on every Java from 17. BF16 and F16 are converted on the way, rounding to nearest even.
 * A matrix of more than 2 GiB is several buffers.
 */
final class HostRows {

    /** Floats that a loop takes at a time: six arrays of this size fit the first cache. */
    static final int CHUNK = 2048;

    private final DType dtype;
    private final FloatBuffer[] floats;
    private final ShortBuffer[] halves;
    private final short[] half;
    private final int rowsOfWindow;
    private final int stride;
    private final int rows;
    private final int columns;

    private HostRows(DType dtype, List<ByteBuffer> windows, int rowsOfWindow, int stride, int rows, int columns) {
        this.dtype = dtype;
        boolean wide = dtype == DType.F32;
        this.floats = wide ? windows.stream().map(ByteBuffer::asFloatBuffer).toArray(FloatBuffer[]::new) : null;
        this.halves = wide ? null : windows.stream().map(ByteBuffer::asShortBuffer).toArray(ShortBuffer[]::new);
        this.half = wide ? null : new short[CHUNK];
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
            return new HostRows(tensor.dtype(), List.of((ByteBuffer) tensor.view()), Math.max(1, rows), stride, rows, columns);
        }
        List<ByteBuffer> windows = new ArrayList<>();
        HostWindows.each(tensor, (from, count) -> windows.add((ByteBuffer) tensor.rows(from, count).view()));
        int rowsOfWindow = Math.toIntExact(HostWindows.LIMIT_BYTES / ((long) stride * tensor.dtype().sizeBytes()));
        return new HostRows(tensor.dtype(), windows, rowsOfWindow, stride, rows, columns);
    }

    /** One long row of a contiguous tensor, or its own rows. */
    static HostRows of(Tensor tensor, boolean flat) {
        if (!flat) {
            return of(tensor);
        }
        int elements = Math.toIntExact(tensor.elements());
        return new HostRows(tensor.dtype(), List.of((ByteBuffer) tensor.view()), 1, elements, 1, elements);
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

    private <T> T window(T[] windows, int row) {
        return windows.length == 1 ? windows[0] : windows[row / rowsOfWindow];
    }

    private int index(int row, int column) {
        boolean one = (floats == null ? halves.length : floats.length) == 1;
        return (one ? row : row % rowsOfWindow) * stride + column;
    }

    void load(int row, int column, int count, float[] target) {
        if (floats != null) {
            window(floats, row).get(index(row, column), target, 0, count);
            return;
        }
        for (int done = 0; done < count; done += CHUNK) {
            int part = Math.min(CHUNK, count - done);
            window(halves, row).get(index(row, column + done), half, 0, part);
            for (int i = 0; i < part; i++) {
                target[done + i] = dtype == DType.BF16 ? HalfPrecision.fromBfloat16(half[i]) : HalfPrecision.fromFloat16(half[i]);
            }
        }
    }

    void store(int row, int column, int count, float[] source) {
        if (floats != null) {
            window(floats, row).put(index(row, column), source, 0, count);
            return;
        }
        for (int done = 0; done < count; done += CHUNK) {
            int part = Math.min(CHUNK, count - done);
            for (int i = 0; i < part; i++) {
                half[i] = dtype == DType.BF16 ? HalfPrecision.toBfloat16(source[done + i]) : HalfPrecision.toFloat16(source[done + i]);
            }
            window(halves, row).put(index(row, column + done), half, 0, part);
        }
    }

    float get(int row, int column) {
        if (floats != null) {
            return window(floats, row).get(index(row, column));
        }
        short bits = window(halves, row).get(index(row, column));
        return dtype == DType.BF16 ? HalfPrecision.fromBfloat16(bits) : HalfPrecision.fromFloat16(bits);
    }

    void set(int row, int column, float value) {
        if (floats != null) {
            window(floats, row).put(index(row, column), value);
            return;
        }
        window(halves, row).put(index(row, column), dtype == DType.BF16 ? HalfPrecision.toBfloat16(value) : HalfPrecision.toFloat16(value));
    }

    /** Rounds numbers as storing and loading them would. */
    void round(float[] values, int count) {
        for (int i = 0; floats == null && i < count; i++) {
            values[i] = dtype == DType.BF16 ? HalfPrecision.fromBfloat16(HalfPrecision.toBfloat16(values[i]))
                    : HalfPrecision.fromFloat16(HalfPrecision.toFloat16(values[i]));
        }
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
