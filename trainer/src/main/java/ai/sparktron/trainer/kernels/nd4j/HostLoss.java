package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;

/** Statistics of softmax over a vocabulary and the gradient of cross-entropy, row by row in one pass. */
final class HostLoss {

    private final RowMath math;
    private final float[] chunk = new float[HostRows.CHUNK];

    HostLoss(RowMath math) {
        this.math = math;
    }

    void softmaxStatistics(Tensor logits, Tensor labels, long firstColumn, Tensor logSumExp, Tensor picked) {
        HostRows in = HostRows.of(logits);
        HostRows sums = HostRows.of(logSumExp);
        HostRows picks = HostRows.of(picked);
        IntBuffer label = ((ByteBuffer) labels.view()).asIntBuffer();
        for (int t = 0; t < in.rows(); t++) {
            sums.set(0, t, logSumExp(in, t));
            long column = label.get(t) - firstColumn;
            boolean here = label.get(t) >= 0 && column >= 0 && column < in.columns();
            picks.set(0, t, here ? in.get(t, (int) column) : 0);
        }
    }

    private float logSumExp(HostRows in, int row) {
        float largest = Float.NEGATIVE_INFINITY;
        double sum = 0;
        for (int column = 0; column < in.columns(); column += HostRows.CHUNK) {
            int count = Math.min(HostRows.CHUNK, in.columns() - column);
            in.load(row, column, count, chunk);
            float here = math.max(chunk, 0, count);
            if (here > largest) {
                sum *= Math.exp(largest - here);
                largest = here;
            }
            // A chunk of -infinity alone adds nothing, and -infinity less -infinity would be NaN; a NaN is not equal and goes on.
            if (here != Float.NEGATIVE_INFINITY) {
                sum += math.sumOfExp(chunk, 0, count, largest);
            }
        }
        return sum == 0 ? Float.NEGATIVE_INFINITY : (float) (largest + Math.log(sum));
    }

    void crossEntropyGrad(Tensor logits, Tensor logSumExp, Tensor labels, long firstColumn, Tensor scale) {
        HostRows in = HostRows.of(logits);
        HostRows sums = HostRows.of(logSumExp);
        HostRows scales = HostRows.of(scale);
        IntBuffer label = ((ByteBuffer) labels.view()).asIntBuffer();
        in.spans((t, column, count) -> {
            long target = label.get(t) - firstColumn - column;
            if (label.get(t) < 0) {
                java.util.Arrays.fill(chunk, 0, count, 0);
            } else {
                float factor = scales.get(0, t);
                in.load(t, column, count, chunk);
                math.scaledExp(chunk, 0, count, sums.get(0, t), factor);
                if (target >= 0 && target < count) {
                    chunk[(int) target] -= factor;
                }
            }
            in.store(t, column, count, chunk);
        });
    }
}
