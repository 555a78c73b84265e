package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Norm of the gradient and the updates of parameters. Flat buffers of more than a view's 2 GiB are taken in windows. */
final class HostUpdate {

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

    void adamW(AdamWStep step, Tensor value, Tensor gradient, Tensor gradientScale, Tensor firstMoment, Tensor secondMoment, Tensor copyOrNull) {
        float scale = ((ByteBuffer) gradientScale.view()).getFloat(0);
        double correction1 = 1 - Math.pow(step.beta1(), step.step());
        double correction2 = 1 - Math.pow(step.beta2(), step.step());
        AdamWFactors factors = new AdamWFactors(step.beta1(), step.beta2(), (1 - step.beta1()) * scale, (1 - step.beta2()) * scale * scale,
                1 - step.learningRate() * step.weightDecay(), (float) (step.learningRate() / correction1), (float) (1 / Math.sqrt(correction2)),
                step.epsilon());
        HostWindows.each(value, (from, size) -> {
            HostRows values = HostRows.of(value.rows(from, size));
            HostRows gradients = HostRows.of(gradient.rows(from, size));
            HostRows firsts = HostRows.of(firstMoment.rows(from, size));
            HostRows seconds = HostRows.of(secondMoment.rows(from, size));
            Tensor copy = copyOrNull == null ? null : copyOrNull.rows(from, size);
            values.spans((row, column, count) -> {
                values.load(0, column, count, w);
                gradients.load(0, column, count, g);
                firsts.load(0, column, count, m);
                seconds.load(0, column, count, v);
                factors.apply(w, g, m, v, count);
                values.store(0, column, count, w);
                firsts.store(0, column, count, m);
                seconds.store(0, column, count, v);
                storeCopy(copy, column, count);
            });
        });
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

    void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor gradientScale, Tensor moment,
             Tensor copyOrNull) {
        float scale = ((ByteBuffer) gradientScale.view()).getFloat(0);
        HostWindows.each(value, (from, size) -> {
            HostRows values = HostRows.of(value.rows(from, size));
            HostRows gradients = HostRows.of(gradient.rows(from, size));
            HostRows moments = HostRows.of(moment.rows(from, size));
            Tensor copy = copyOrNull == null ? null : copyOrNull.rows(from, size);
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
                storeCopy(copy, column, count);
            });
        });
    }

    private void storeCopy(Tensor copyOrNull, int column, int count) {
        if (copyOrNull != null) {
            ByteBuffer target = ((ByteBuffer) copyOrNull.view()).duplicate().order(ByteOrder.nativeOrder());
            HalfPrecision.encode(copyOrNull.dtype(), w, 0, count, target.position(column * copyOrNull.dtype().sizeBytes()));
        }
    }
}
