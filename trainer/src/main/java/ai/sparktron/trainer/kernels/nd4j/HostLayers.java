package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;

/** Norms, rotary positions and the gated activation. */
final class HostLayers {

    private final RowMath math;
    private final float[] a = new float[HostRows.CHUNK];
    private final float[] b = new float[HostRows.CHUNK];
    private final float[] c = new float[HostRows.CHUNK];
    private final ColumnSums weightSums = new ColumnSums(HostRows.CHUNK);
    private float[] row = new float[0];
    private float[] other = new float[0];
    private float[] result = new float[0];
    private float[] weights = new float[0];

    HostLayers(RowMath math) {
        this.math = math;
    }

    private void reserve(int columns) {
        if (row.length < columns) {
            row = new float[columns];
            other = new float[columns];
            result = new float[columns];
            weights = new float[columns];
        }
    }

    /** Norm of x, or of residual = residual + delta where a delta is given. */
    void rmsNorm(Tensor x, Tensor deltaOrNull, Tensor weight, float epsilon, Tensor out, Tensor inverseRmsOrNull) {
        HostRows in = HostRows.of(x);
        HostRows delta = deltaOrNull == null ? null : HostRows.of(deltaOrNull);
        HostRows to = HostRows.of(out);
        HostRows inverses = inverseRmsOrNull == null ? null : HostRows.of(inverseRmsOrNull);
        int columns = in.columns();
        int size = Math.toIntExact(weight.columns());
        reserve(columns);
        HostRows.of(weight).load(0, 0, size, weights);
        for (int t = 0; t < in.rows(); t++) {
            in.load(t, 0, columns, row);
            if (delta != null) {
                delta.load(t, 0, columns, other);
                HostElementwise.addTo(row, other, columns);
                in.round(row, columns);
                in.store(t, 0, columns, row);
            }
            for (int group = 0; group * size < columns; group++) {
                float inverse = (float) (1 / Math.sqrt(math.sumOfSquares(row, group * size, size) / size + epsilon));
                scaleGroup(row, group * size, inverse, result, size);
                if (inverses != null) {
                    inverses.set(t, group, inverse);
                }
            }
            in.round(result, columns);
            for (int from = 0; from < columns; from += size) {
                weighGroup(result, from, weights, size);
            }
            to.store(t, 0, columns, result);
        }
    }

    private static void scaleGroup(float[] x, int from, float factor, float[] out, int size) {
        for (int i = 0; i < size; i++) {
            out[from + i] = x[from + i] * factor;
        }
    }

    private static void weighGroup(float[] x, int from, float[] weight, int size) {
        for (int i = 0; i < size; i++) {
            x[from + i] *= weight[i];
        }
    }

    void rmsNormGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeightOrNull) {
        HostRows grads = HostRows.of(dy);
        HostRows in = HostRows.of(x);
        HostRows to = HostRows.of(dx);
        HostRows inverses = HostRows.of(inverseRms);
        int columns = in.columns();
        int size = Math.toIntExact(weight.columns());
        reserve(columns);
        weightSums.clear(size);
        HostRows.of(weight).load(0, 0, size, weights);
        for (int t = 0; t < in.rows(); t++) {
            grads.load(t, 0, columns, row);
            in.load(t, 0, columns, other);
            if (dxWrite == Write.ACCUMULATE) {
                to.load(t, 0, columns, result);
            } else {
                java.util.Arrays.fill(result, 0, columns, 0);
            }
            for (int group = 0; group * size < columns; group++) {
                int from = group * size;
                float inverse = inverses.get(t, group);
                if (dWeightOrNull != null) {
                    addProduct(weightSums.next(), row, other, from, inverse, size);
                }
                float dot = math.dot(row, from, other, from, weights, 0, size);
                addNormGrad(result, row, other, weights, from, inverse, dot * inverse * inverse * inverse / size, size);
            }
            to.store(t, 0, columns, result);
        }
        if (dWeightOrNull != null) {
            weightSums.addTo(HostRows.of(dWeightOrNull), 0, size);
        }
    }

    private static void addProduct(float[] sums, float[] dy, float[] x, int from, float factor, int size) {
        for (int i = 0; i < size; i++) {
            sums[i] += dy[from + i] * (x[from + i] * factor);
        }
    }

    private static void addNormGrad(float[] dx, float[] dy, float[] x, float[] weight, int from, float inverse, float share, int size) {
        for (int i = 0; i < size; i++) {
            dx[from + i] += dy[from + i] * weight[i] * inverse - x[from + i] * share;
        }
    }

    void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction) {
        HostRows in = HostRows.of(x);
        HostRows table = HostRows.of(cosSin);
        IntBuffer position = ((ByteBuffer) positions.view()).asIntBuffer();
        int half = table.columns() / 2;
        float sign = direction == Direction.FORWARD ? 1 : -1;
        reserve(Math.max(in.columns(), half));
        for (int t = 0; t < in.rows(); t++) {
            int p = position.get(t);
            if (p < 0 || p >= table.rows()) {
                throw new IllegalStateException("rope: token " + t + " has position " + p + ", the table " + cosSin + " has " + table.rows()
                        + "; raise max_position_embeddings or lower max_length");
            }
            table.load(p, 0, half, other);
            table.load(p, half, half, weights);
            in.load(t, 0, in.columns(), row);
            for (int head = 0; head < in.columns(); head += headSize) {
                if (layout == RopeLayout.HALVES) {
                    rotate(row, head, head + half, 1, other, weights, sign, half);
                } else {
                    rotate(row, head, head + 1, 2, other, weights, sign, half);
                }
            }
            in.store(t, 0, in.columns(), row);
        }
    }

    private static void rotate(float[] x, int first, int second, int step, float[] cos, float[] sin, float sign, int pairs) {
        for (int i = 0; i < pairs; i++) {
            float u = x[first + i * step];
            float v = x[second + i * step];
            float s = sin[i] * sign;
            x[first + i * step] = u * cos[i] - v * s;
            x[second + i * step] = v * cos[i] + u * s;
        }
    }

    void swiGlu(Tensor gateUp, Tensor out) {
        HostRows in = HostRows.of(gateUp);
        HostRows to = HostRows.of(out);
        int width = to.columns();
        to.spans((t, column, count) -> {
            in.load(t, column, count, a);
            in.load(t, width + column, count, b);
            math.swiGlu(a, b, c, count);
            to.store(t, column, count, c);
        });
    }

    void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp) {
        HostRows in = HostRows.of(gateUp);
        HostRows grads = HostRows.of(dOut);
        HostRows to = HostRows.of(dGateUp);
        int width = grads.columns();
        grads.spans((t, column, count) -> {
            in.load(t, column, count, a);
            in.load(t, width + column, count, b);
            grads.load(t, column, count, c);
            math.swiGluGrad(c, a, b, count);
            to.store(t, column, count, a);
            to.store(t, width + column, count, b);
        });
    }

    void swiGluBackward(Tensor dOut, Tensor gateUp) {
        HostRows both = HostRows.of(gateUp);
        HostRows grads = HostRows.of(dOut);
        int width = grads.columns();
        float[] activation = new float[HostRows.CHUNK];
        grads.spans((t, column, count) -> {
            both.load(t, column, count, a);
            both.load(t, width + column, count, b);
            grads.load(t, column, count, c);
            math.swiGlu(a, b, activation, count);
            math.swiGluGrad(c, a, b, count);
            grads.store(t, column, count, activation);
            both.store(t, column, count, a);
            both.store(t, width + column, count, b);
        });
    }
}
