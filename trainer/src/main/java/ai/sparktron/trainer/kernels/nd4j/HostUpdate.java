package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;

/** Norm of the gradient and the updates of parameters. Flat buffers of more than a view's 2 GiB are taken in windows. */
final class HostUpdate {

    /** Added to the norm before dividing, as Megatron and PyTorch do. */
    private static final double CLIP_EPSILON = 1e-6;
    /** Elements that a view holds of any type of state; whole blocks of scales. */
    private static final long WINDOW = HostWindows.LIMIT_BYTES / Float.BYTES;

    private final RowMath math;
    private final float[] w = new float[HostRows.CHUNK];
    private final float[] g = new float[HostRows.CHUNK];
    private final float[] m = new float[HostRows.CHUNK];
    private final float[] v = new float[HostRows.CHUNK];

    HostUpdate(RowMath math) {
        this.math = math;
    }

    void sumOfSquares(Tensor x, Tensor out, Write write) {
        double[] sums = new double[1];
        if (x.shape().rank() == 1) {
            HostWindows.each(x, (from, count) -> sums[0] += sumOfSquares(HostRows.of(x.rows(from, count))));
        } else {
            sums[0] = sumOfSquares(HostRows.of(x));
        }
        double sum = sums[0];
        ByteBuffer result = (ByteBuffer) out.view();
        if (out.dtype() == DType.F64) {
            result.putDouble(0, write == Write.ACCUMULATE ? result.getDouble(0) + sum : sum);
        } else {
            result.putFloat(0, (float) (write == Write.ACCUMULATE ? result.getFloat(0) + sum : sum));
        }
    }

    private double sumOfSquares(HostRows rows) {
        double sum = 0;
        for (int row = 0; row < rows.rows(); row++) {
            for (int column = 0; column < rows.columns(); column += HostRows.CHUNK) {
                int count = Math.min(HostRows.CHUNK, rows.columns() - column);
                rows.load(row, column, count, g);
                sum += math.sumOfSquares(g, 0, count);
            }
        }
        return sum;
    }

    void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm) {
        ByteBuffer sums = (ByteBuffer) squares.view();
        double mean = denominator == 0 ? 0 : 1 / denominator;
        double length = Math.sqrt(squares.dtype() == DType.F64 ? sums.getDouble(0) : sums.getFloat(0)) * mean;
        double clipping = clip > 0 ? Math.min(1, clip / (length + CLIP_EPSILON)) : 1;
        ((ByteBuffer) norm.view()).putFloat(0, (float) length);
        ((ByteBuffer) factor.view()).putFloat(0, Double.isFinite(length) ? (float) (mean * clipping) : Float.NaN);
    }

    void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor) {
        float scale = ((ByteBuffer) factor.view()).getFloat(0);
        if (!Float.isFinite(scale)) {
            return;
        }
        double correction1 = 1 - Math.pow(step.beta1(), step.step());
        double correction2 = 1 - Math.pow(step.beta2(), step.step());
        AdamWFactors factors = new AdamWFactors(step.beta1(), step.beta2(), (1 - step.beta1()) * scale, (1 - step.beta2()) * scale * scale,
                1 - step.learningRate() * step.weightDecay(), (float) (step.learningRate() / correction1), (float) (1 / Math.sqrt(correction2)),
                step.epsilon());
        long elements = gradient.elements();
        for (long from = 0; from < elements; from += WINDOW) {
            long size = Math.min(WINDOW, elements - from);
            HostRows gradients = HostRows.of(gradient.rows(from, size));
            HostState firsts = HostState.of(tensors.firstMoment().rows(from, size), false);
            HostState seconds = HostState.of(tensors.secondMoment().rows(from, size), true);
            HostMainWeights weights = HostMainWeights.of(tensors, from, size, step.step());
            gradients.spans((row, column, count) -> {
                weights.load(column, count, w);
                gradients.load(0, column, count, g);
                firsts.load(column, count, m);
                seconds.load(column, count, v);
                factors.apply(w, g, m, v, count);
                weights.store(column, count, w);
                firsts.store(column, count, m);
                seconds.store(column, count, v);
            });
        }
    }

    /** The scalars of one update; {@code rest} factors hold the scale of the gradient. */
    private record AdamWFactors(float beta1, float beta2, float rest1, float rest2, float decay, float rate, float rootFactor, float epsilon) {

        void apply(float[] w, float[] g, float[] m, float[] v, int count) {
            float b1 = beta1;
            float b2 = beta2;
            float r1 = rest1;
            float r2 = rest2;
            float keep = decay;
            float lr = rate;
            float root = rootFactor;
            float eps = epsilon;
            for (int i = 0; i < count; i++) {
                m[i] = b1 * m[i] + r1 * g[i];
                v[i] = b2 * v[i] + r2 * g[i] * g[i];
                w[i] = w[i] * keep - lr * m[i] / ((float) Math.sqrt(v[i]) * root + eps);
            }
        }
    }

    void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copyOrNull) {
        float scale = ((ByteBuffer) factor.view()).getFloat(0);
        if (!Float.isFinite(scale)) {
            return;
        }
        HostWindows.each(value, (from, size) -> {
            HostRows values = HostRows.of(value.rows(from, size));
            HostRows gradients = HostRows.of(gradient.rows(from, size));
            HostRows moments = HostRows.of(moment.rows(from, size));
            HostMainWeights copy = copyOrNull == null ? null : HostMainWeights.rounded(copyOrNull.rows(from, size));
            values.spans((row, column, count) -> {
                values.load(0, column, count, w);
                gradients.load(0, column, count, g);
                moments.load(0, column, count, m);
                for (int i = 0; i < count; i++) {
                    m[i] = momentum * m[i] + (g[i] * scale + weightDecay * w[i]);
                    w[i] -= learningRate * m[i];
                }
                values.store(0, column, count, w);
                moments.store(0, column, count, m);
                if (copy != null) {
                    copy.store(column, count, w);
                }
            });
        });
    }
}
