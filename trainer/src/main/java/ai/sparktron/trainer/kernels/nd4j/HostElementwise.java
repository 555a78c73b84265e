package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.Philox;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;

/** Element by element, random numbers, rows by index. */
final class HostElementwise {

    private final float[] x = new float[HostRows.CHUNK];
    private final float[] y = new float[HostRows.CHUNK];
    private final int[] words = new int[4];

    void add(Tensor a, Tensor b, Tensor out) {
        boolean flat = HostRows.flat(a, b, out);
        HostRows first = HostRows.of(a, flat);
        HostRows second = HostRows.of(b, flat);
        HostRows to = HostRows.of(out, flat);
        to.spans((row, column, count) -> {
            first.load(row, column, count, x);
            second.load(row, column, count, y);
            addTo(y, x, count);
            to.store(row, column, count, y);
        });
    }

    /** sums += values. */
    static void addTo(float[] sums, float[] values, int count) {
        for (int i = 0; i < count; i++) {
            sums[i] += values[i];
        }
    }

    void addScaled(float factor, Tensor from, Tensor to) {
        boolean flat = HostRows.flat(from, to);
        HostRows source = HostRows.of(from, flat);
        HostRows target = HostRows.of(to, flat);
        target.spans((row, column, count) -> {
            source.load(row, column, count, x);
            target.load(row, column, count, y);
            for (int i = 0; i < count; i++) {
                y[i] += factor * x[i];
            }
            target.store(row, column, count, y);
        });
    }

    void scale(Tensor tensor, float factor) {
        HostRows rows = HostRows.of(tensor, tensor.isContiguous());
        rows.spans((row, column, count) -> {
            rows.load(row, column, count, x);
            for (int i = 0; i < count; i++) {
                x[i] *= factor;
            }
            rows.store(row, column, count, x);
        });
    }

    void copy(Tensor from, Tensor to) {
        boolean flat = HostRows.flat(from, to);
        int rows = flat ? 1 : Math.toIntExact(from.rows());
        int columns = Math.toIntExact(flat ? from.elements() : from.columns());
        ByteBuffer source = ((ByteBuffer) from.view()).duplicate().order(java.nio.ByteOrder.nativeOrder());
        ByteBuffer target = ((ByteBuffer) to.view()).duplicate().order(java.nio.ByteOrder.nativeOrder());
        for (int row = 0; row < rows; row++) {
            int sourceAt = Math.toIntExact(row * from.rowStride() * from.dtype().sizeBytes());
            int targetAt = Math.toIntExact(row * to.rowStride() * to.dtype().sizeBytes());
            if (from.dtype() == to.dtype()) {
                target.put(targetAt, source, sourceAt, columns * from.dtype().sizeBytes());
                continue;
            }
            source.position(sourceAt);
            target.position(targetAt);
            for (int column = 0; column < columns; column += HostRows.CHUNK) {
                int count = Math.min(HostRows.CHUNK, columns - column);
                HalfPrecision.decode(from.dtype(), source, x, 0, count);
                HalfPrecision.encode(to.dtype(), x, 0, count, target);
            }
        }
    }

    void fill(Tensor tensor, float value) {
        int rows = tensor.isContiguous() ? 1 : Math.toIntExact(tensor.rows());
        int columns = Math.toIntExact(tensor.isContiguous() ? tensor.elements() : tensor.columns());
        ByteBuffer target = ((ByteBuffer) tensor.view()).duplicate().order(java.nio.ByteOrder.nativeOrder());
        Arrays.fill(x, tensor.dtype() == DType.I32 ? Float.intBitsToFloat((int) value) : value);
        DType written = tensor.dtype() == DType.I32 ? DType.F32 : tensor.dtype();
        for (int row = 0; row < rows; row++) {
            target.position(Math.toIntExact(row * tensor.rowStride() * tensor.dtype().sizeBytes()));
            for (int column = 0; column < columns; column += HostRows.CHUNK) {
                HalfPrecision.encode(written, x, 0, Math.min(HostRows.CHUNK, columns - column), target);
            }
        }
    }

    void addBias(Tensor tensor, Tensor bias) {
        HostRows rows = HostRows.of(tensor);
        HostRows biases = HostRows.of(bias);
        for (int column = 0; column < rows.columns(); column += HostRows.CHUNK) {
            int count = Math.min(HostRows.CHUNK, rows.columns() - column);
            biases.load(0, column, count, y);
            for (int row = 0; row < rows.rows(); row++) {
                rows.load(row, column, count, x);
                addTo(x, y, count);
                rows.store(row, column, count, x);
            }
        }
    }

    void addBiasGrad(Tensor dy, Tensor dBias) {
        HostRows rows = HostRows.of(dy);
        HostRows sums = HostRows.of(dBias);
        ColumnSums columnSums = new ColumnSums(Math.min(HostRows.CHUNK, rows.columns()));
        for (int column = 0; column < rows.columns(); column += HostRows.CHUNK) {
            int count = Math.min(HostRows.CHUNK, rows.columns() - column);
            columnSums.clear();
            for (int row = 0; row < rows.rows(); row++) {
                rows.load(row, column, count, x);
                addTo(columnSums.next(), x, count);
            }
            columnSums.addTo(sums, column, count);
        }
    }

    private float word(long seed, long index, long firstIndex) {
        if (index == firstIndex || (index & 3) == 0) {
            Philox.words(seed, index >> 2, words);
        }
        return Philox.uniform(words[(int) (index & 3)]);
    }

    void fillNormal(Tensor tensor, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation) {
        HostRows rows = HostRows.of(tensor);
        rows.spans((row, column, count) -> {
            long first = (firstRow + row) * globalColumns + firstColumn + column;
            for (int i = 0; i < count; i++) {
                word(seed, first + i, first);
                x[i] = mean + deviation * Philox.normal(words, (int) ((first + i) & 3));
            }
            rows.store(row, column, count, x);
        });
    }

    void fillUniform(Tensor tensor, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        HostRows rows = HostRows.of(tensor);
        float last = low < high ? Math.nextDown(high) : high;
        rows.spans((row, column, count) -> {
            long first = (firstRow + row) * globalColumns + firstColumn + column;
            for (int i = 0; i < count; i++) {
                x[i] = Math.min(last, low + word(seed, first + i, first) * (high - low));
            }
            rows.store(row, column, count, x);
        });
    }

    void dropout(Tensor tensor, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        HostRows rows = HostRows.of(tensor);
        HostRows to = HostRows.of(out);
        float kept = 1 / (1 - probability);
        rows.spans((row, column, count) -> {
            long first = (firstRow + row) * globalColumns + firstColumn + column;
            rows.load(row, column, count, x);
            for (int i = 0; i < count; i++) {
                x[i] = word(seed, first + i, first) < probability ? 0 : x[i] * kept;
            }
            to.store(row, column, count, x);
        });
    }

    /** @param keys number of the mask's row that each row has */
    void dropout(Tensor tensor, Tensor keys, long seed, long firstColumn, long globalColumns, float probability, Tensor out) {
        HostRows rows = HostRows.of(tensor);
        HostRows to = HostRows.of(out);
        HostRows key = HostRows.of(keys);
        float kept = 1 / (1 - probability);
        rows.spans((row, column, count) -> {
            long first = (long) key.get(0, row) * globalColumns + firstColumn + column;
            rows.load(row, column, count, x);
            for (int i = 0; i < count; i++) {
                x[i] = word(seed, first + i, first) < probability ? 0 : x[i] * kept;
            }
            to.store(row, column, count, x);
        });
    }

    void embedding(Tensor ids, Tensor table, long firstRow, Tensor out) {
        IntBuffer id = ((ByteBuffer) ids.view()).asIntBuffer();
        HostRows rows = HostRows.of(table);
        HostRows to = HostRows.of(out);
        to.spans((token, column, count) -> {
            long row = id.get(token) - firstRow;
            if (row >= 0 && row < rows.rows()) {
                rows.load((int) row, column, count, x);
            } else {
                Arrays.fill(x, 0, count, 0);
            }
            to.store(token, column, count, x);
        });
    }

    void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable) {
        IntBuffer id = ((ByteBuffer) ids.view()).asIntBuffer();
        HostRows grads = HostRows.of(dy);
        HostRows rows = HostRows.of(dTable);
        grads.spans((token, column, count) -> {
            long row = id.get(token) - firstRow;
            if (row >= 0 && row < rows.rows()) {
                grads.load(token, column, count, x);
                rows.load((int) row, column, count, y);
                addTo(y, x, count);
                rows.store((int) row, column, count, y);
            }
        });
    }
}
