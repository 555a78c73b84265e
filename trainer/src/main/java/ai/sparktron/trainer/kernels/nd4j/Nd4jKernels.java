package ai.sparktron.trainer.kernels.nd4j;

import static ai.sparktron.trainer.kernels.nd4j.Nd4jArrays.columns;
import static ai.sparktron.trainer.kernels.nd4j.Nd4jArrays.ints;
import static ai.sparktron.trainer.kernels.nd4j.Nd4jArrays.of;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Philox;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * The kernels written on ND4J's own operations: what each of them is in array algebra, a few lines each. Not fast: every line is a pass over memory.
 * {@link Nd4jWorkspace} wraps it so that temporaries live in one workspace.
 */
final class Nd4jKernels implements Kernels {

    private final HostMemory memory;
    private ExpertKernels experts;

    /** @param memory gives scratch that lives as long as the engine */
    Nd4jKernels(HostMemory memory) {
        this.memory = memory;
    }

    @Override
    public void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write) {
        if (out.elements() == 0) {
            return;
        }
        if (a.elements() == 0) {
            if (write == Write.OVERWRITE) {
                fill(out, 0);
            }
            return;
        }
        INDArray left = transposeA == Transpose.YES ? of(a).transpose() : of(a);
        INDArray right = transposeB == Transpose.YES ? of(b).transpose() : of(b);
        write(out, left.mmul(right), write);
    }

    private static void write(Tensor out, INDArray value, Write write) {
        if (write == Write.OVERWRITE) {
            of(out).assign(value);
        } else {
            of(out).addi(value);
        }
    }

    @Override
    public void add(Tensor a, Tensor b, Tensor out) {
        of(out).assign(of(a).add(of(b)));
    }

    @Override
    public void addScaled(float factor, Tensor x, Tensor y) {
        of(y).addi(of(x).mul(factor));
    }

    @Override
    public void scale(Tensor x, float factor) {
        of(x).muli(factor);
    }

    @Override
    public void copy(Tensor x, Tensor out) {
        if (x.dtype() == DType.F32 && out.dtype() == DType.F32) {
            of(out).assign(of(x));
            return;
        }
        float[] row = new float[Math.toIntExact(x.columns())];
        for (long r = 0; r < x.rows(); r++) {
            byte[] bytes = Nd4jArrays.readRow(x, r);
            if (x.dtype() != out.dtype()) {
                HalfPrecision.decode(x.dtype(), ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN), row, 0, row.length);
                bytes = encode(out.dtype(), row);
            }
            Nd4jArrays.writeRow(out, r, bytes);
        }
    }

    private static byte[] encode(DType dtype, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * dtype.sizeBytes()).order(ByteOrder.LITTLE_ENDIAN);
        HalfPrecision.encode(dtype, values, 0, values.length, bytes);
        return bytes.array();
    }

    @Override
    public void fill(Tensor x, float value) {
        if (x.dtype() == DType.F32) {
            of(x).assign(value);
            return;
        }
        float[] row = new float[Math.toIntExact(x.columns())];
        java.util.Arrays.fill(row, x.dtype() == DType.I32 ? Float.intBitsToFloat((int) value) : value);
        byte[] bytes = encode(x.dtype() == DType.I32 ? DType.F32 : x.dtype(), row);
        for (long r = 0; r < x.rows(); r++) {
            Nd4jArrays.writeRow(x, r, bytes);
        }
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        of(x).addiRowVector(of(bias));
    }

    @Override
    public void addBiasGrad(Tensor dy, Tensor dBias) {
        of(dBias).addi(of(dy).sum(true, 0));
    }

    /** A number of each element from its Philox words. */
    private interface Draw {
        float at(int[] words, int lane);
    }

    private static INDArray draw(Tensor like, long seed, long firstRow, long firstColumn, long globalColumns, Draw draw) {
        int rows = Math.toIntExact(like.rows());
        int columns = Math.toIntExact(like.columns());
        float[] values = new float[rows * columns];
        int[] words = new int[4];
        for (int i = 0; i < values.length; i++) {
            long index = (firstRow + i / columns) * globalColumns + firstColumn + i % columns;
            Philox.words(seed, index >> 2, words);
            values[i] = draw.at(words, (int) (index & 3));
        }
        return Nd4j.createFromArray(values).reshape(rows, columns);
    }

    @Override
    public void fillNormal(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation) {
        of(x).assign(draw(x, seed, firstRow, firstColumn, globalColumns, (words, lane) -> mean + deviation * Philox.normal(words, lane)));
    }

    @Override
    public void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        float last = low < high ? Math.nextDown(high) : high;
        of(x).assign(draw(x, seed, firstRow, firstColumn, globalColumns,
                (words, lane) -> Math.min(last, low + Philox.uniform(words[lane]) * (high - low))));
    }

    @Override
    public void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        float kept = 1 / (1 - probability);
        INDArray mask = draw(x, seed, firstRow, firstColumn, globalColumns, (words, lane) -> Philox.uniform(words[lane]) < probability ? 0 : kept);
        of(out).assign(mask.muli(of(x)));
    }

    @Override
    public void embedding(Tensor ids, Tensor table, long firstRow, Tensor out) {
        int[] id = ints(ids);
        for (int t = 0; t < id.length; t++) {
            long row = id[t] - firstRow;
            INDArray target = Nd4jArrays.block(out, t, 1, 0, out.columns(), 1);
            if (row >= 0 && row < table.rows()) {
                target.assign(Nd4jArrays.block(table, row, 1, 0, table.columns(), 1));
            } else {
                target.assign(0);
            }
        }
    }

    /** One row after the other: ND4J's own scatter loses updates of repeated rows when it runs on several threads. */
    @Override
    public void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable) {
        int[] id = ints(ids);
        for (int t = 0; t < id.length; t++) {
            long row = id[t] - firstRow;
            if (row >= 0 && row < dTable.rows()) {
                Nd4jArrays.block(dTable, row, 1, 0, dTable.columns(), 1).addi(Nd4jArrays.block(dy, t, 1, 0, dy.columns(), 1));
            }
        }
    }

    /** Rows of one group each: [T * n, K]. */
    private static INDArray groups(Tensor x, Tensor weight) {
        return of(x).dup('c').reshape(x.elements() / weight.elements(), weight.elements());
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        if (x.elements() == 0) {
            return;
        }
        INDArray rows = groups(x, weight);
        INDArray inverse = Transforms.sqrt(rows.mul(rows).mean(true, 1).addi(epsilon), false).rdivi(1);
        if (inverseRms != null) {
            of(inverseRms).assign(inverse.reshape(inverseRms.rows(), inverseRms.columns()));
        }
        of(out).assign(rows.muliColumnVector(inverse).muliRowVector(of(weight)).reshape(x.rows(), x.columns()));
    }

    @Override
    public void addRmsNorm(Tensor residual, Tensor delta, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        add(residual, delta, residual);
        rmsNorm(residual, weight, epsilon, out, inverseRms);
    }

    @Override
    public void rmsNormGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeight) {
        INDArray inverse = of(inverseRms).dup('c').reshape(inverseRms.elements(), 1);
        INDArray normed = groups(x, weight).muliColumnVector(inverse);
        INDArray grad = groups(dy, weight);
        if (dWeight != null) {
            of(dWeight).addi(grad.mul(normed).sum(true, 0));
        }
        grad.muliRowVector(of(weight));
        INDArray shares = grad.mul(normed).mean(true, 1);
        grad.subi(normed.muliColumnVector(shares)).muliColumnVector(inverse);
        write(dx, grad.reshape(dx.rows(), dx.columns()), dxWrite);
    }

    @Override
    public void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction) {
        long half = cosSin.columns() / 2;
        INDArray table = Nd4j.create(x.rows(), 2 * half);
        int[] position = ints(positions);
        for (int t = 0; t < position.length; t++) {
            if (position[t] < 0 || position[t] >= cosSin.rows()) {
                throw new IllegalStateException("rope: token " + t + " has position " + position[t] + ", the table is " + cosSin);
            }
            table.putRow(t, Nd4jArrays.block(cosSin, position[t], 1, 0, 2 * half, 1));
        }
        INDArray cos = table.get(org.nd4j.linalg.indexing.NDArrayIndex.all(), org.nd4j.linalg.indexing.NDArrayIndex.interval(0, half));
        INDArray sin = table.get(org.nd4j.linalg.indexing.NDArrayIndex.all(), org.nd4j.linalg.indexing.NDArrayIndex.interval(half, 2 * half))
                .mul(direction == Direction.FORWARD ? 1 : -1);
        long step = layout == RopeLayout.HALVES ? 1 : 2;
        for (long head = 0; head < x.columns(); head += headSize) {
            INDArray first = columns(x, head, half, step);
            INDArray second = columns(x, head + (layout == RopeLayout.HALVES ? half : 1), half, step);
            INDArray rotated = first.mul(cos).subi(second.mul(sin));
            second.assign(second.mul(cos).addi(first.mul(sin)));
            first.assign(rotated);
        }
    }

    @Override
    public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        Nd4jAttention.forward(q, k, v, shape, queries, keys, out, logSumExp);
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                              TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write) {
        if (write == Write.OVERWRITE) {
            fill(dq, 0);
            fill(dk, 0);
            fill(dv, 0);
        }
        Nd4jAttention.backward(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv);
    }

    @Override
    public void cachedAttention(Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor positions, int reach, Tensor keys, Tensor values, Tensor out) {
        HostContinuation.attention(this, q, k, v, shape, positions, reach, keys, values, out);
    }

    @Override
    public void likeliest(Tensor logits, Tensor ids) {
        HostContinuation.likeliest(logits, ids);
    }

    @Override
    public void mergeAttention(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        Nd4jAttention.merge(partOut, partLogSumExp, out, logSumExp);
    }

    @Override
    public void swiGlu(Tensor gateUp, Tensor out) {
        INDArray gate = columns(gateUp, 0, out.columns(), 1);
        INDArray up = columns(gateUp, out.columns(), out.columns(), 1);
        of(out).assign(Transforms.sigmoid(gate, true).muli(gate).muli(up));
    }

    @Override
    public void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp) {
        long width = dOut.columns();
        INDArray gate = columns(gateUp, 0, width, 1);
        INDArray up = columns(gateUp, width, width, 1);
        INDArray sigmoid = Transforms.sigmoid(gate, true);
        INDArray silu = sigmoid.mul(gate);
        INDArray slope = sigmoid.rsub(1).muli(silu).addi(sigmoid);
        INDArray dGate = slope.muli(up).muli(of(dOut));
        columns(dGateUp, width, width, 1).assign(silu.muli(of(dOut)));
        columns(dGateUp, 0, width, 1).assign(dGate);
    }

    @Override
    public void swiGluBackward(Tensor dOut, Tensor gateUp) {
        long width = dOut.columns();
        INDArray gate = columns(gateUp, 0, width, 1);
        INDArray activation = Transforms.sigmoid(gate, true).muli(gate).muli(columns(gateUp, width, width, 1));
        swiGluGrad(dOut, gateUp, gateUp);
        of(dOut).assign(activation);
    }

    @Override
    public void softmaxStatistics(Tensor logits, Tensor labels, long firstColumn, Tensor logSumExp, Tensor picked) {
        INDArray rows = of(logits);
        // A row of -infinity alone gets a finite largest number, so that the sum of its exponentials is 0 and not NaN.
        INDArray largest = Transforms.max(rows.max(true, 1), -Float.MAX_VALUE, false);
        INDArray sums = Transforms.exp(rows.subColumnVector(largest), false).sum(true, 1);
        of(logSumExp).assign(Transforms.log(sums, false).addi(largest).reshape(1, logits.rows()));
        int[] label = ints(labels);
        float[] picks = new float[label.length];
        for (int t = 0; t < label.length; t++) {
            long column = label[t] - firstColumn;
            picks[t] = label[t] >= 0 && column >= 0 && column < logits.columns() ? rows.getFloat(t, column) : 0;
        }
        of(picked).assign(Nd4j.createFromArray(picks).reshape(1, picks.length));
    }

    @Override
    public void crossEntropyGrad(Tensor logits, Tensor logSumExp, Tensor labels, long firstColumn, Tensor scale) {
        INDArray rows = of(logits);
        INDArray factors = of(scale).reshape(logits.rows(), 1);
        rows.subiColumnVector(of(logSumExp).reshape(logits.rows(), 1));
        Transforms.exp(rows, false);
        rows.muliColumnVector(factors);
        int[] label = ints(labels);
        for (int t = 0; t < label.length; t++) {
            long column = label[t] - firstColumn;
            if (label[t] < 0) {
                Nd4jArrays.block(logits, t, 1, 0, logits.columns(), 1).assign(0);
            } else if (column >= 0 && column < logits.columns()) {
                rows.putScalar(t, column, rows.getFloat(t, column) - factors.getFloat(t, 0));
            }
        }
    }

    @Override
    public void sumOfSquares(Tensor x, Tensor out, Write write) {
        INDArray values = of(x);
        double sum = values.mul(values).castTo(DataType.DOUBLE).sum().getDouble(0);
        byte[] old = Nd4jArrays.readRow(out, 0);
        ByteBuffer bytes = ByteBuffer.wrap(old).order(ByteOrder.LITTLE_ENDIAN);
        if (out.dtype() == DType.F64) {
            bytes.putDouble(0, write == Write.ACCUMULATE ? bytes.getDouble(0) + sum : sum);
        } else {
            bytes.putFloat(0, (float) (write == Write.ACCUMULATE ? bytes.getFloat(0) + sum : sum));
        }
        Nd4jArrays.writeRow(out, 0, old);
    }

    @Override
    public void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm) {
        ByteBuffer bytes = ByteBuffer.wrap(Nd4jArrays.readRow(squares, 0)).order(ByteOrder.LITTLE_ENDIAN);
        double mean = denominator == 0 ? 0 : 1 / denominator;
        double length = Math.sqrt(squares.dtype() == DType.F64 ? bytes.getDouble() : bytes.getFloat()) * mean;
        double clipping = clip > 0 ? Math.min(1, clip / (length + 1e-6)) : 1;
        fill(norm, (float) length);
        fill(factor, Double.isFinite(length) ? (float) (mean * clipping) : Float.NaN);
    }

    @Override
    public void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor) {
        float scale = of(factor).getFloat(0, 0);
        if (!Float.isFinite(scale)) {
            return;
        }
        INDArray scaled = Nd4jStates.read(gradient).muli(scale);
        INDArray first = Nd4jStates.read(tensors.firstMoment(), false).muli(step.beta1()).addi(scaled.mul(1 - step.beta1()));
        INDArray second = Nd4jStates.read(tensors.secondMoment(), true).muli(step.beta2()).addi(scaled.mul(scaled).muli(1 - step.beta2()));
        double correction1 = 1 - Math.pow(step.beta1(), step.step());
        double correction2 = 1 - Math.pow(step.beta2(), step.step());
        INDArray denominator = Transforms.sqrt(second.div(correction2), true).addi(step.epsilon());
        INDArray weights = Nd4jStates.mainWeights(tensors).muli(1 - step.learningRate() * step.weightDecay());
        Nd4jStates.mainWeights(tensors, weights.subi(first.mul(step.learningRate() / correction1).divi(denominator)), step.step());
        Nd4jStates.write(tensors.firstMoment(), false, first);
        Nd4jStates.write(tensors.secondMoment(), true, second);
    }

    @Override
    public void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy) {
        float scale = of(factor).getFloat(0, 0);
        if (!Float.isFinite(scale)) {
            return;
        }
        INDArray speed = of(moment);
        speed.muli(momentum).addi(of(gradient).mul(scale)).addi(of(value).mul(weightDecay));
        of(value).subi(speed.mul(learningRate));
        if (copy != null) {
            Nd4jStates.rounded(copy, of(value));
        }
    }

    @Override
    public void latentHeads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        long plain = shape.keySize() - rotary.columns();
        for (int h = 0; h < shape.heads(); h++) {
            long from = h * (plain + shape.valueSize());
            copy(up.columns(from, plain), k.columns((long) h * shape.keySize(), plain));
            copy(rotary, k.columns((long) h * shape.keySize() + plain, rotary.columns()));
            copy(up.columns(from + plain, shape.valueSize()), v.columns((long) h * shape.valueSize(), shape.valueSize()));
        }
    }

    @Override
    public void latentHeadsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary) {
        long plain = shape.keySize() - dRotary.columns();
        fill(dRotary, 0);
        for (int h = 0; h < shape.heads(); h++) {
            long from = h * (plain + shape.valueSize());
            copy(dk.columns((long) h * shape.keySize(), plain), dUp.columns(from, plain));
            addScaled(1, dk.columns((long) h * shape.keySize() + plain, dRotary.columns()), dRotary);
            copy(dv.columns((long) h * shape.valueSize(), shape.valueSize()), dUp.columns(from + plain, shape.valueSize()));
        }
    }

    /** Choosing and sorting have no array algebra worth reading: on the CPU they are the host's loops. */
    @Override
    public ExpertKernels experts() {
        if (!Nd4j.getEnvironment().isCPU()) {
            return Kernels.super.experts();
        }
        if (experts == null) {
            experts = new HostExperts(new Gemm(), RowMathProvider.best(), new HostWide(memory, new HostElementwise()), new HostElementwise());
        }
        return experts;
    }
}
