package ai.sparktron.trainer.kernels.cuda;

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

/** The kernels of a GPU, put together: each group of them is a class of its own beside its source. Nothing here waits for the device. */
final class CudaKernels implements Kernels, AutoCloseable {

    private final DeviceProducts products;
    private final DeviceAttention attention;
    private final ElementwiseKernels elementwise;
    private final ColumnSums sums;
    private final ThinProducts thin;
    private final MixedProducts mixed;
    private final RandomKernels random;
    private final NormKernels norms;
    private final TokenKernels tokens;
    private final FeedForwardKernels feedForward;
    private final LossKernels loss;
    private final ContinuationKernels continuation;
    private final UpdateKernels updates;
    private final CudaExperts experts;
    private final CudaEngine.Foundation engine;
    private CudaFp8 fp8;

    CudaKernels(CudaEngine.Foundation engine, DeviceProducts products, DeviceAttention attention) {
        CudaDevice device = engine.device();
        Modules modules = engine.modules();
        Workspace workspace = engine.workspace();
        this.engine = engine;
        this.products = products;
        this.attention = attention;
        this.elementwise = new ElementwiseKernels(device, modules);
        this.sums = new ColumnSums(device, modules, workspace);
        this.thin = new ThinProducts(device, modules, elementwise, sums);
        this.mixed = new MixedProducts(device, modules, workspace);
        this.random = new RandomKernels(device, modules);
        this.norms = new NormKernels(device, modules, workspace, sums);
        this.tokens = new TokenKernels(device, modules, workspace);
        this.feedForward = new FeedForwardKernels(device, modules);
        this.loss = new LossKernels(modules);
        this.continuation = new ContinuationKernels(device, modules, workspace);
        this.updates = new UpdateKernels(device, modules, workspace);
        this.experts = new CudaExperts(engine, feedForward, random);
    }

    @Override
    public void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write) {
        if (a.dtype() != b.dtype()) {
            mixed.multiply(a, transposeA, b, out, write);
        } else if (!thin.multiply(a, transposeA, b, transposeB, out, write)) {
            products.matmul(a, transposeA, b, transposeB, out, write);
        }
    }

    @Override
    public void linear(Tensor x, Tensor weight, Tensor bias, Tensor out) {
        if (thin.multiply(x, Transpose.NO, weight, Transpose.YES, out, Write.OVERWRITE)) {
            addBias(out, bias);
        } else if (!products.linear(x, weight, bias, out)) {
            products.matmul(x, Transpose.NO, weight, Transpose.YES, out, Write.OVERWRITE);
            addBias(out, bias);
        }
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
        sums.add(dy, dBias);
    }

    @Override
    public void fillNormal(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation) {
        random.fillNormal(x, seed, firstRow, firstColumn, globalColumns, mean, deviation);
    }

    @Override
    public void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        random.fillUniform(x, seed, firstRow, firstColumn, globalColumns, low, high);
    }

    @Override
    public void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        random.dropout(x, seed, firstRow, firstColumn, globalColumns, probability, out);
    }

    @Override
    public void embedding(Tensor ids, Tensor table, long firstRow, Tensor out) {
        tokens.embedding(ids, table, firstRow, out);
    }

    @Override
    public void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable) {
        tokens.embeddingGrad(ids, dy, firstRow, dTable);
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        norms.norm(x, weight, epsilon, out, inverseRms);
    }

    @Override
    public void addRmsNorm(Tensor residual, Tensor delta, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        norms.addNorm(residual, delta, weight, epsilon, out, inverseRms);
    }

    @Override
    public void rmsNormGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeight) {
        norms.normGrad(dy, x, weight, inverseRms, dx, dxWrite, dWeight);
    }

    @Override
    public void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction) {
        tokens.rope(x, headSize, positions, cosSin, layout, direction);
    }

    @Override
    public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        attention.attention(q, k, v, shape, queries, keys, out, logSumExp);
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                              TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write) {
        attention.attentionGrad(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv, write);
    }

    @Override
    public void cachedAttention(Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor positions, int reach, Tensor keys, Tensor values, Tensor out) {
        continuation.attention(q, k, v, shape, positions, reach, keys, values, out);
    }

    @Override
    public void likeliest(Tensor logits, Tensor ids) {
        continuation.likeliest(logits, ids);
    }

    @Override
    public void mergeAttention(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        tokens.mergeAttention(partOut, partLogSumExp, out, logSumExp);
    }

    @Override
    public void latentHeads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        tokens.latentHeads(up, rotary, shape, k, v);
    }

    @Override
    public void latentHeadsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary) {
        tokens.latentHeadsGrad(dk, dv, shape, dUp, dRotary);
    }

    @Override
    public void swiGlu(Tensor gateUp, Tensor out) {
        feedForward.swiGlu(gateUp, out);
    }

    @Override
    public void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp) {
        feedForward.swiGluGrad(dOut, gateUp, dGateUp);
    }

    @Override
    public void swiGluBackward(Tensor dOut, Tensor gateUp) {
        feedForward.swiGluBackward(dOut, gateUp);
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
        updates.sumOfSquares(x, out, write);
    }

    @Override
    public void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm) {
        updates.gradientFactor(squares, denominator, clip, factor, norm);
    }

    @Override
    public void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor) {
        updates.adamW(step, tensors, gradient, factor);
    }

    @Override
    public void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy) {
        updates.sgd(learningRate, momentum, weightDecay, value, gradient, factor, moment, copy);
    }

    @Override
    public ExpertKernels experts() {
        return experts;
    }

    @Override
    public Fp8Kernels fp8() {
        if (fp8 == null) {
            fp8 = new CudaFp8(engine.device(), engine.modules(), products, elementwise);
        }
        return fp8;
    }

    @Override
    public void close() {
        try (products; attention; experts) {
            // All are closed, whatever the first one says.
        }
    }
}
