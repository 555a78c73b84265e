package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * What each kernel means, in the plainest loops, accumulating in double. Engines are compared with it; its own gradients are compared with finite
 * differences of its own forward kernels on float64 tensors.
 */
final class ReferenceKernels implements Kernels {

    @Override
    public void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write) {
        Cells x = new Cells(a);
        Cells y = new Cells(b);
        Cells z = new Cells(out);
        long inner = transposeA == Transpose.YES ? a.rows() : a.columns();
        for (long m = 0; m < z.rows(); m++) {
            for (long n = 0; n < z.columns(); n++) {
                double sum = 0;
                for (long k = 0; k < inner; k++) {
                    sum += (transposeA == Transpose.YES ? x.get(k, m) : x.get(m, k)) * (transposeB == Transpose.YES ? y.get(n, k) : y.get(k, n));
                }
                z.write(m, n, sum, write);
            }
        }
    }

    /** New value of an element from its place. */
    private interface Element {
        double at(long row, long column);
    }

    private static void each(Tensor out, Element element) {
        Cells z = new Cells(out);
        for (long r = 0; r < z.rows(); r++) {
            for (long c = 0; c < z.columns(); c++) {
                z.set(r, c, element.at(r, c));
            }
        }
    }

    @Override
    public void add(Tensor a, Tensor b, Tensor out) {
        Cells x = new Cells(a);
        Cells y = new Cells(b);
        each(out, (r, c) -> x.get(r, c) + y.get(r, c));
    }

    @Override
    public void addScaled(float factor, Tensor x, Tensor y) {
        Cells from = new Cells(x);
        Cells to = new Cells(y);
        each(y, (r, c) -> to.get(r, c) + factor * from.get(r, c));
    }

    @Override
    public void scale(Tensor x, float factor) {
        Cells cells = new Cells(x);
        each(x, (r, c) -> cells.get(r, c) * factor);
    }

    @Override
    public void copy(Tensor x, Tensor out) {
        Cells from = new Cells(x);
        each(out, from::get);
    }

    @Override
    public void fill(Tensor x, float value) {
        each(x, (r, c) -> value);
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        Cells cells = new Cells(x);
        Cells b = new Cells(bias);
        each(x, (r, c) -> cells.get(r, c) + b.get(c));
    }

    @Override
    public void addBiasGrad(Tensor dy, Tensor dBias) {
        Cells grad = new Cells(dy);
        Cells sums = new Cells(dBias);
        for (long c = 0; c < grad.columns(); c++) {
            double sum = 0;
            for (long r = 0; r < grad.rows(); r++) {
                sum += grad.get(r, c);
            }
            sums.write(0, c, sum, Write.ACCUMULATE);
        }
    }

    private static int[] words(long seed, long index) {
        int[] words = new int[4];
        Philox.words(seed, index / 4, words);
        return words;
    }

    @Override
    public void fillNormal(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation) {
        each(x, (r, c) -> {
            long index = (firstRow + r) * globalColumns + firstColumn + c;
            return mean + deviation * Philox.normal(words(seed, index), (int) (index % 4));
        });
    }

    @Override
    public void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        each(x, (r, c) -> {
            long index = (firstRow + r) * globalColumns + firstColumn + c;
            float value = low + Philox.uniform(words(seed, index)[(int) (index % 4)]) * (high - low);
            return value >= high && low < high ? Math.nextDown(high) : value;
        });
    }

    @Override
    public void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        Cells cells = new Cells(x);
        each(out, (r, c) -> {
            long index = (firstRow + r) * globalColumns + firstColumn + c;
            return Philox.uniform(words(seed, index)[(int) (index % 4)]) < probability ? 0 : cells.get(r, c) * (1 / (1 - probability));
        });
    }

    @Override
    public void embedding(Tensor ids, Tensor table, long firstRow, Tensor out) {
        Cells rows = new Cells(table);
        Cells id = new Cells(ids);
        each(out, (t, d) -> {
            long row = id.integer(t) - firstRow;
            return row < 0 || row >= rows.rows() ? 0 : rows.get(row, d);
        });
    }

    @Override
    public void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable) {
        Cells grad = new Cells(dy);
        Cells rows = new Cells(dTable);
        Cells id = new Cells(ids);
        for (long t = 0; t < grad.rows(); t++) {
            long row = id.integer(t) - firstRow;
            for (long d = 0; row >= 0 && row < rows.rows() && d < grad.columns(); d++) {
                rows.write(row, d, grad.get(t, d), Write.ACCUMULATE);
            }
        }
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        Cells from = new Cells(x);
        Cells to = new Cells(out);
        Cells w = new Cells(weight);
        long size = weight.columns();
        for (long r = 0; r < from.rows(); r++) {
            for (long g = 0; g < from.columns() / size; g++) {
                double sum = 0;
                for (long i = 0; i < size; i++) {
                    sum += from.get(r, g * size + i) * from.get(r, g * size + i);
                }
                double inverse = 1 / Math.sqrt(sum / size + epsilon);
                for (long i = 0; i < size; i++) {
                    to.set(r, g * size + i, from.get(r, g * size + i) * inverse * w.get(i));
                }
                if (inverseRms != null) {
                    new Cells(inverseRms).set(r, g, inverse);
                }
            }
        }
    }

    @Override
    public void addRmsNorm(Tensor residual, Tensor delta, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        add(residual, delta, residual);
        rmsNorm(residual, weight, epsilon, out, inverseRms);
    }

    @Override
    public void rmsNormGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeight) {
        Cells grad = new Cells(dy);
        Cells input = new Cells(x);
        Cells w = new Cells(weight);
        Cells to = new Cells(dx);
        long size = weight.columns();
        double[] weightSums = new double[(int) size];
        for (long r = 0; r < grad.rows(); r++) {
            for (long g = 0; g < grad.columns() / size; g++) {
                double inverse = new Cells(inverseRms).get(r, g);
                double dot = 0;
                for (long i = 0; i < size; i++) {
                    double dyw = grad.get(r, g * size + i) * w.get(i);
                    dot += dyw * input.get(r, g * size + i) * inverse;
                    weightSums[(int) i] += grad.get(r, g * size + i) * input.get(r, g * size + i) * inverse;
                }
                for (long i = 0; i < size; i++) {
                    double dyw = grad.get(r, g * size + i) * w.get(i);
                    to.write(r, g * size + i, inverse * (dyw - input.get(r, g * size + i) * inverse * dot / size), dxWrite);
                }
            }
        }
        for (int i = 0; dWeight != null && i < size; i++) {
            new Cells(dWeight).write(0, i, weightSums[i], Write.ACCUMULATE);
        }
    }

    @Override
    public void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction) {
        Cells cells = new Cells(x);
        Cells table = new Cells(cosSin);
        int half = (int) cosSin.columns() / 2;
        for (long t = 0; t < cells.rows(); t++) {
            int position = new Cells(positions).integer(t);
            for (long head = 0; head < cells.columns(); head += headSize) {
                for (int i = 0; i < half; i++) {
                    long a = head + (layout == RopeLayout.HALVES ? i : 2 * i);
                    long b = head + (layout == RopeLayout.HALVES ? i + half : 2 * i + 1);
                    double cos = table.get(position, i);
                    double sin = direction == Direction.FORWARD ? table.get(position, half + i) : -table.get(position, half + i);
                    double first = cells.get(t, a);
                    double second = cells.get(t, b);
                    cells.set(t, a, first * cos - second * sin);
                    cells.set(t, b, second * cos + first * sin);
                }
            }
        }
    }

    @Override
    public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        ReferenceAttention.forward(q, k, v, shape, queries, keys, out, logSumExp);
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                              TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write) {
        ReferenceAttention.backward(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv, write);
    }

    @Override
    public void cachedAttention(Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor positions, int reach, Tensor keys, Tensor values, Tensor out) {
        ReferenceAttention.cached(q, k, v, shape, positions, keys, values, out);
    }

    @Override
    public void likeliest(Tensor logits, Tensor ids) {
        Cells cells = new Cells(logits);
        for (int row = 0; row < logits.rows(); row++) {
            int best = 0;
            boolean damaged = false;
            for (int column = 0; column < logits.columns(); column++) {
                damaged |= Double.isNaN(cells.get(row, column));
                best = cells.get(row, column) > cells.get(row, best) ? column : best;
            }
            new Cells(ids).set(row, damaged ? -1 : best);
        }
    }

    @Override
    public void mergeAttention(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        ReferenceAttention.merge(partOut, partLogSumExp, out, logSumExp);
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    @Override
    public void swiGlu(Tensor gateUp, Tensor out) {
        Cells in = new Cells(gateUp);
        long f = out.columns();
        each(out, (t, c) -> in.get(t, c) * sigmoid(in.get(t, c)) * in.get(t, f + c));
    }

    @Override
    public void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp) {
        Cells in = new Cells(gateUp);
        Cells grad = new Cells(dOut);
        Cells to = new Cells(dGateUp);
        long f = grad.columns();
        for (long t = 0; t < grad.rows(); t++) {
            for (long c = 0; c < f; c++) {
                double gate = in.get(t, c);
                double up = in.get(t, f + c);
                double s = sigmoid(gate);
                to.set(t, c, grad.get(t, c) * up * s * (1 + gate * (1 - s)));
                to.set(t, f + c, grad.get(t, c) * gate * s);
            }
        }
    }

    @Override
    public void swiGluBackward(Tensor dOut, Tensor gateUp) {
        Cells in = new Cells(gateUp);
        Cells grad = new Cells(dOut);
        long f = grad.columns();
        for (long t = 0; t < grad.rows(); t++) {
            for (long c = 0; c < f; c++) {
                double slope = grad.get(t, c);
                double gate = in.get(t, c);
                double up = in.get(t, f + c);
                double s = sigmoid(gate);
                grad.set(t, c, gate * s * up);
                in.set(t, c, slope * up * s * (1 + gate * (1 - s)));
                in.set(t, f + c, slope * gate * s);
            }
        }
    }

    @Override
    public void softmaxStatistics(Tensor logits, Tensor labels, long firstColumn, Tensor logSumExp, Tensor picked) {
        Cells in = new Cells(logits);
        for (long t = 0; t < in.rows(); t++) {
            double largest = Double.NEGATIVE_INFINITY;
            for (long c = 0; c < in.columns(); c++) {
                largest = Math.max(largest, in.get(t, c));
            }
            double sum = 0;
            for (long c = 0; largest > Double.NEGATIVE_INFINITY && c < in.columns(); c++) {
                sum += Math.exp(in.get(t, c) - largest);
            }
            long column = new Cells(labels).integer(t) - firstColumn;
            boolean here = new Cells(labels).integer(t) >= 0 && column >= 0 && column < in.columns();
            new Cells(logSumExp).set(t, sum == 0 ? Double.NEGATIVE_INFINITY : largest + Math.log(sum));
            new Cells(picked).set(t, here ? in.get(t, column) : 0);
        }
    }

    @Override
    public void crossEntropyGrad(Tensor logits, Tensor logSumExp, Tensor labels, long firstColumn, Tensor scale) {
        Cells in = new Cells(logits);
        each(logits, (t, c) -> {
            int label = new Cells(labels).integer(t);
            double probability = Math.exp(in.get(t, c) - new Cells(logSumExp).get(t));
            return label < 0 ? 0 : new Cells(scale).get(t) * (probability - (c + firstColumn == label ? 1 : 0));
        });
    }

    @Override
    public void sumOfSquares(Tensor x, Tensor out, Write write) {
        Cells cells = new Cells(x);
        double sum = 0;
        for (long r = 0; r < cells.rows(); r++) {
            for (long c = 0; c < cells.columns(); c++) {
                sum += cells.get(r, c) * cells.get(r, c);
            }
        }
        new Cells(out).write(0, 0, sum, write);
    }

    @Override
    public void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm) {
        double length = denominator == 0 ? 0 * new Cells(squares).get(0) : Math.sqrt(new Cells(squares).get(0)) / denominator;
        double clipped = clip == 0 || length + 1e-6 <= clip ? 1 : clip / (length + 1e-6);
        new Cells(norm).set(0, length);
        new Cells(factor).set(0, Double.isFinite(length) ? denominator == 0 ? 0 : clipped / denominator : Double.NaN);
    }

    @Override
    public void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor) {
        if (!Double.isFinite(new Cells(factor).get(0))) {
            return;
        }
        int n = (int) gradient.elements();
        double[] w = ReferenceStates.mainWeights(tensors);
        double[] m = ReferenceStates.read(tensors.firstMoment(), false);
        double[] v = ReferenceStates.read(tensors.secondMoment(), true);
        double correction1 = 1 - Math.pow(step.beta1(), step.step());
        double correction2 = 1 - Math.pow(step.beta2(), step.step());
        for (int i = 0; i < n; i++) {
            double g = new Cells(gradient).get(i) * new Cells(factor).get(0);
            m[i] = step.beta1() * m[i] + (1 - step.beta1()) * g;
            v[i] = step.beta2() * v[i] + (1 - step.beta2()) * g * g;
            double decayed = w[i] * (1 - step.learningRate() * step.weightDecay());
            w[i] = decayed - step.learningRate() * (m[i] / correction1) / (Math.sqrt(v[i] / correction2) + step.epsilon());
        }
        ReferenceStates.mainWeights(tensors, w, step.step());
        ReferenceStates.write(tensors.firstMoment(), false, m);
        ReferenceStates.write(tensors.secondMoment(), true, v);
    }

    @Override
    public void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy) {
        if (!Double.isFinite(new Cells(factor).get(0))) {
            return;
        }
        Cells w = new Cells(value);
        Cells m = new Cells(moment);
        for (long i = 0; i < w.columns(); i++) {
            double g = new Cells(gradient).get(i) * new Cells(factor).get(0) + weightDecay * w.get(i);
            double speed = momentum * m.get(i) + g;
            m.set(i, speed);
            w.set(i, w.get(i) - learningRate * speed);
            if (copy != null) {
                ReferenceStates.round(copy, i, w.get(i));
            }
        }
    }

    @Override
    public void latentHeads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        long plain = shape.keySize() - rotary.columns();
        long width = plain + shape.valueSize();
        each(k, (t, c) -> c % shape.keySize() < plain ? new Cells(up).get(t, c / shape.keySize() * width + c % shape.keySize())
                : new Cells(rotary).get(t, c % shape.keySize() - plain));
        each(v, (t, c) -> new Cells(up).get(t, c / shape.valueSize() * width + plain + c % shape.valueSize()));
    }

    @Override
    public void latentHeadsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary) {
        long plain = shape.keySize() - dRotary.columns();
        long width = plain + shape.valueSize();
        each(dUp, (t, c) -> c % width < plain ? new Cells(dk).get(t, c / width * shape.keySize() + c % width)
                : new Cells(dv).get(t, c / width * shape.valueSize() + c % width - plain));
        each(dRotary, (t, c) -> {
            double sum = 0;
            for (long h = 0; h < shape.heads(); h++) {
                sum += new Cells(dk).get(t, h * shape.keySize() + plain + c);
            }
            return sum;
        });
    }

    @Override
    public ExpertKernels experts() {
        return new ReferenceExperts();
    }

    @Override
    public Fp8Kernels fp8() {
        return new ReferenceFp8();
    }
}
