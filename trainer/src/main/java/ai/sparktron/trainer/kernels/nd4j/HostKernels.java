package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;

/** The kernels of the CPU, float32: products through BLAS, the rest in loops that read and write each element once. */
final class HostKernels implements Kernels {

    private final Gemm gemm = new Gemm();
    private final HostElementwise elementwise = new HostElementwise();
    private final HostLayers layers;
    private final HostAttention attention;
    private final HostLoss loss;
    private final HostUpdate update;

    /** @param attentionScratch block of {@link HostAttention#SCRATCH_BYTES} that outlives this object */
    HostKernels(RowMath math, Storage attentionScratch) {
        this.layers = new HostLayers(math);
        this.attention = new HostAttention(math, gemm, attentionScratch);
        this.loss = new HostLoss(math);
        this.update = new HostUpdate(math);
    }

    @Override
    public void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write) {
        long inner = transposeA == Transpose.YES ? a.rows() : a.columns();
        gemm.multiply(transposeA, transposeB, out.rows(), out.columns(), inner, 1, a.address(), a.rowStride(), b.address(), b.rowStride(),
                write == Write.ACCUMULATE ? 1 : 0, out.address(), out.rowStride());
    }

    @Override
    public void add(Tensor a, Tensor b, Tensor out) {
        elementwise.add(a, b, out);
    }

    @Override
    public void addScaled(float factor, Tensor x, Tensor y) {
        elementwise.addScaled(factor, x, y);
    }

    @Override
    public void scale(Tensor x, float factor) {
        elementwise.scale(x, factor);
    }

    @Override
    public void copy(Tensor x, Tensor out) {
        elementwise.copy(x, out);
    }

    @Override
    public void fill(Tensor x, float value) {
        elementwise.fill(x, value);
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        elementwise.addBias(x, bias);
    }

    @Override
    public void addBiasGrad(Tensor dy, Tensor dBias) {
        elementwise.addBiasGrad(dy, dBias);
    }

    @Override
    public void fillNormal(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation) {
        elementwise.fillNormal(x, seed, firstRow, firstColumn, globalColumns, mean, deviation);
    }

    @Override
    public void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        elementwise.fillUniform(x, seed, firstRow, firstColumn, globalColumns, low, high);
    }

    @Override
    public void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        elementwise.dropout(x, seed, firstRow, firstColumn, globalColumns, probability, out);
    }

    @Override
    public void embedding(Tensor ids, Tensor table, long firstRow, Tensor out) {
        elementwise.embedding(ids, table, firstRow, out);
    }

    @Override
    public void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable) {
        elementwise.embeddingGrad(ids, dy, firstRow, dTable);
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        layers.rmsNorm(x, null, weight, epsilon, out, inverseRms);
    }

    @Override
    public void addRmsNorm(Tensor residual, Tensor delta, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        layers.rmsNorm(residual, delta, weight, epsilon, out, inverseRms);
    }

    @Override
    public void rmsNormGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeight) {
        layers.rmsNormGrad(dy, x, weight, inverseRms, dx, dxWrite, dWeight);
    }

    @Override
    public void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction) {
        layers.rope(x, headSize, positions, cosSin, layout, direction);
    }

    @Override
    public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        attention.forward(q, k, v, shape, queries, keys, out, logSumExp);
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                              TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write) {
        attention.backward(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv, write, elementwise);
    }

    @Override
    public void swiGlu(Tensor gateUp, Tensor out) {
        layers.swiGlu(gateUp, out);
    }

    @Override
    public void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp) {
        layers.swiGluGrad(dOut, gateUp, dGateUp);
    }

    @Override
    public void softmaxStatistics(Tensor logits, Tensor labels, long firstColumn, Tensor logSumExp, Tensor picked) {
        loss.softmaxStatistics(logits, labels, firstColumn, logSumExp, picked);
    }

    @Override
    public void crossEntropyGrad(Tensor logits, Tensor logSumExp, Tensor labels, long firstColumn, Tensor scale) {
        loss.crossEntropyGrad(logits, logSumExp, labels, firstColumn, scale);
    }

    @Override
    public void sumOfSquares(Tensor x, Tensor out, Write write) {
        update.sumOfSquares(x, out, write);
    }

    @Override
    public void adamW(AdamWStep step, Tensor value, Tensor gradient, Tensor gradientScale, Tensor firstMoment, Tensor secondMoment, Tensor copy) {
        update.adamW(step, value, gradient, gradientScale, firstMoment, secondMoment, copy);
    }

    @Override
    public void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor gradientScale, Tensor moment,
                    Tensor copy) {
        update.sgd(learningRate, momentum, weightDecay, value, gradient, gradientScale, moment, copy);
    }
}
