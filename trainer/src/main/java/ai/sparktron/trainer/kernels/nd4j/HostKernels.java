package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * The kernels of the CPU: products through BLAS, the rest in loops that read and write each element once. All is computed in float32; bfloat16 and float16 are types of
 * storage, converted on the way in and out.
 */
final class HostKernels implements Kernels {

    private final Gemm gemm = new Gemm();
    private final HostElementwise elementwise = new HostElementwise();
    private final HostWide wide;
    private final HostLayers layers;
    private final HostAttention attention;
    private final HostLoss loss;
    private final HostUpdate update;
    private final HostLatent latent = new HostLatent();
    private final HostExperts experts;
    private final HostFp8 fp8;

    /** @param memory gives scratch that lives as long as the engine */
    HostKernels(RowMath math, HostMemory memory) {
        this.wide = new HostWide(memory, elementwise);
        this.layers = new HostLayers(math);
        this.attention = new HostAttention(math, gemm, memory.allocate(HostAttention.SCRATCH_BYTES, "attention tiles"));
        this.loss = new HostLoss(math);
        this.update = new HostUpdate(math);
        this.experts = new HostExperts(gemm, math, wide, elementwise);
        this.fp8 = new HostFp8(gemm, wide);
    }

    /** A part of a tensor's first dimension; the tensor itself where that is all of it, so that its view is made once. */
    private static Tensor part(Tensor tensor, long from, long count) {
        return from == 0 && count == (tensor.shape().rank() == 1 ? tensor.elements() : tensor.rows()) ? tensor : tensor.rows(from, count);
    }

    private static long rowShift(Tensor tensor, long from) {
        return tensor.shape().rank() == 1 ? 0 : from;
    }

    private static long columnShift(Tensor tensor, long from) {
        return tensor.shape().rank() == 1 ? from : 0;
    }

    @Override
    public void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write) {
        wide.begin(a, b, out);
        Tensor left = wide.read(a);
        Tensor right = wide.read(b);
        Tensor result = wide.write(out, write);
        long inner = transposeA == Transpose.YES ? a.rows() : a.columns();
        gemm.multiply(transposeA, transposeB, out.rows(), out.columns(), inner, 1, left.address(), left.rowStride(), right.address(), right.rowStride(),
                write == Write.ACCUMULATE ? 1 : 0, result.address(), result.rowStride());
        wide.finish(result, out);
    }

    @Override
    public void add(Tensor a, Tensor b, Tensor out) {
        HostWindows.each(out, (from, count) -> elementwise.add(part(a, from, count), part(b, from, count), part(out, from, count)));
    }

    @Override
    public void addScaled(float factor, Tensor x, Tensor y) {
        HostWindows.each(y, (from, count) -> elementwise.addScaled(factor, part(x, from, count), part(y, from, count)));
    }

    @Override
    public void scale(Tensor x, float factor) {
        HostWindows.each(x, (from, count) -> elementwise.scale(part(x, from, count), factor));
    }

    @Override
    public void copy(Tensor x, Tensor out) {
        Tensor wider = x.sizeBytes() > out.sizeBytes() ? x : out;
        HostWindows.each(wider, (from, count) -> elementwise.copy(part(x, from, count), part(out, from, count)));
    }

    @Override
    public void fill(Tensor x, float value) {
        HostWindows.each(x, (from, count) -> elementwise.fill(part(x, from, count), value));
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
        HostWindows.each(x, (from, count) -> elementwise.fillNormal(part(x, from, count), seed, firstRow + rowShift(x, from),
                firstColumn + columnShift(x, from), globalColumns, mean, deviation));
    }

    @Override
    public void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        HostWindows.each(x, (from, count) -> elementwise.fillUniform(part(x, from, count), seed, firstRow + rowShift(x, from),
                firstColumn + columnShift(x, from), globalColumns, low, high));
    }

    @Override
    public void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        HostWindows.each(x, (from, count) -> elementwise.dropout(part(x, from, count), seed, firstRow + rowShift(x, from),
                firstColumn + columnShift(x, from), globalColumns, probability, part(out, from, count)));
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
        wide.begin(q, k, v, out);
        Tensor result = wide.write(out, Write.OVERWRITE);
        attention.forward(wide.read(q), wide.read(k), wide.read(v), shape, queries, keys, result, logSumExp);
        wide.finish(result, out);
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                              TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write) {
        wide.begin(dOut, q, k, v, out, dq, dk, dv);
        Tensor queryGrad = wide.write(dq, write);
        Tensor keyGrad = wide.write(dk, write);
        Tensor valueGrad = wide.write(dv, write);
        attention.backward(wide.read(dOut), wide.read(q), wide.read(k), wide.read(v), wide.read(out), logSumExp, shape, queries, keys, queryGrad, keyGrad,
                valueGrad, write, elementwise);
        wide.finish(queryGrad, dq);
        wide.finish(keyGrad, dk);
        wide.finish(valueGrad, dv);
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
        attention.merge(partOut, partLogSumExp, out, logSumExp);
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
    public void swiGluBackward(Tensor dOut, Tensor gateUp) {
        layers.swiGluBackward(dOut, gateUp);
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
    public void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm) {
        update.gradientFactor(squares, denominator, clip, factor, norm);
    }

    @Override
    public void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor) {
        update.adamW(step, tensors, gradient, factor);
    }

    @Override
    public void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy) {
        update.sgd(learningRate, momentum, weightDecay, value, gradient, factor, moment, copy);
    }

    @Override
    public void latentHeads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        latent.heads(up, rotary, shape, k, v);
    }

    @Override
    public void latentHeadsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary) {
        latent.headsGrad(dk, dv, shape, dUp, dRotary);
    }

    @Override
    public ExpertKernels experts() {
        return experts;
    }

    @Override
    public Fp8Kernels fp8() {
        return fp8;
    }
}
