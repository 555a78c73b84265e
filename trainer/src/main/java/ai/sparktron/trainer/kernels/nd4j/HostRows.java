package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

/**
 * A float32 tensor of the host as rows that are copied to arrays and back: our loops run on arrays that stay in the first cache, because that is what
 * both the Vector API and the compiler's own vectoriser handle well on every Java from 17.
 */
final class HostRows {

    /** Floats that a loop takes at a time: six arrays of this size fit the first cache. */
    static final int CHUNK = 2048;

    private final FloatBuffer floats;
    private final int stride;
    private final int rows;
    private final int columns;

    private HostRows(FloatBuffer floats, int stride, int rows, int columns) {
        this.floats = floats;
        this.stride = stride;
        this.rows = rows;
        this.columns = columns;
    }

    /** The tensor's own rows. */
    static HostRows of(Tensor tensor) {
        return new HostRows(((ByteBuffer) tensor.view()).asFloatBuffer(), Math.toIntExact(tensor.rowStride()), Math.toIntExact(tensor.rows()),
                Math.toIntExact(tensor.columns()));
    }

    /** One long row of a contiguous tensor, or its own rows. */
    static HostRows of(Tensor tensor, boolean flat) {
        if (!flat) {
            return of(tensor);
        }
        int elements = Math.toIntExact(tensor.elements());
        return new HostRows(((ByteBuffer) tensor.view()).asFloatBuffer(), elements, 1, elements);
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

    void load(int row, int column, int count, float[] target) {
        floats.get(row * stride + column, target, 0, count);
    }

    void load(int row, int column, int count, float[] target, int from) {
        floats.get(row * stride + column, target, from, count);
    }

    void store(int row, int column, int count, float[] source) {
        floats.put(row * stride + column, source, 0, count);
    }

    void store(int row, int column, int count, float[] source, int from) {
        floats.put(row * stride + column, source, from, count);
    }

    float get(int row, int column) {
        return floats.get(row * stride + column);
    }

    void set(int row, int column, float value) {
        floats.put(row * stride + column, value);
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
