package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/**
 * One training step of a 7.41 million parameter Llama in kernel calls alone, forward, backward and AdamW: what the engine can do without the trainer
 * around it. Hidden 256, 4 layers, 4 heads of 64, feed-forward 704, vocabulary 8192, 4 sequences of 256 tokens, one batch over and over.
 */
final class MiniLlama implements AutoCloseable {

    static final int TOKENS = 1024;
    private static final int SEQUENCE = 256;
    private static final int D = 256;
    private static final int F = 704;
    private static final int V = 8192;
    private static final int LAYERS = 4;
    private static final int HEADS = 4;
    private static final int LAYER_PARAMETERS = 3 * D * D + D * D + 2 * F * D + D * F + 2 * D;
    private static final int PARAMETERS = 2 * V * D + LAYERS * LAYER_PARAMETERS + D;
    private static final float EPSILON = 1e-5f;
    private static final AttentionShape ATTENTION = new AttentionShape(HEADS, HEADS, D / HEADS, D / HEADS, 0.125f);

    private final Engine engine;
    private final Kernels kernels;
    private final StackArena arena;
    private final Arena.Frame frame;
    private final Tensor value;
    private final Tensor gradient;
    private final Tensor firstMoment;
    private final Tensor secondMoment;
    private final Tensor gradientScale;
    private final Tensor ids;
    private final Tensor labels;
    private final Tensor lossScale;
    private final Tensor cosSin;
    private final TokenLayout layout;
    private long steps;

    /** What a layer keeps for its gradient. */
    private static final class Saved {
        Tensor input;
        Tensor normed;
        Tensor inverse;
        Tensor qkv;
        Tensor sums;
        Tensor attended;
        Tensor middle;
        Tensor middleNormed;
        Tensor middleInverse;
        Tensor gateUp;
        Tensor active;
    }

    MiniLlama(Engine engine, Kernels kernels) {
        this.engine = engine;
        this.kernels = kernels;
        this.arena = StackArena.growing("mini", engine.memory(), 256L << 20);
        this.frame = arena.open("run");
        value = frame.tensor("value", DType.F32, PARAMETERS);
        gradient = frame.tensor("gradient", DType.F32, PARAMETERS);
        firstMoment = frame.tensor("m", DType.F32, PARAMETERS);
        secondMoment = frame.tensor("v", DType.F32, PARAMETERS);
        gradientScale = frame.tensor("scale", DType.F32, 1);
        lossScale = frame.tensor("loss scale", DType.F32, TOKENS);
        kernels.fillNormal(value, 1, 0, 0, PARAMETERS, 0, 0.02f);
        kernels.fill(firstMoment, 0);
        kernels.fill(secondMoment, 0);
        kernels.fill(lossScale, 1f / TOKENS);
        for (int layer = 0; layer < LAYERS; layer++) {
            kernels.fill(norm(value, layer, 0), 1);
            kernels.fill(norm(value, layer, 1), 1);
        }
        kernels.fill(finalNorm(value), 1);
        Random random = new Random(1);
        int[] id = random.ints(TOKENS + 1, 0, V).toArray();
        ids = ints("ids", java.util.Arrays.copyOf(id, TOKENS));
        labels = ints("labels", java.util.Arrays.copyOfRange(id, 1, TOKENS + 1));
        int[] positions = new int[TOKENS];
        int[] documents = new int[TOKENS];
        for (int t = 0; t < TOKENS; t++) {
            positions[t] = t % SEQUENCE;
            documents[t] = t / SEQUENCE;
        }
        layout = new TokenLayout(TOKENS, ints("positions", positions), ints("documents", documents), TokenLayout.startsOf(documents), positions, documents);
        cosSin = frame.tensor("cos sin", DType.F32, SEQUENCE, D / HEADS);
        fillCosSin();
    }

    private void fillCosSin() {
        int half = D / HEADS / 2;
        ByteBuffer bytes = ByteBuffer.allocate((int) cosSin.sizeBytes()).order(ByteOrder.nativeOrder());
        for (int p = 0; p < SEQUENCE; p++) {
            for (int i = 0; i < half; i++) {
                double angle = p * Math.pow(10000, -i / (double) half);
                bytes.putFloat(4 * (p * 2 * half + i), (float) Math.cos(angle));
                bytes.putFloat(4 * (p * 2 * half + half + i), (float) Math.sin(angle));
            }
        }
        engine.write(cosSin, bytes);
    }

    private Tensor ints(String name, int[] values) {
        Tensor tensor = frame.tensor(name, DType.I32, values.length);
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(values);
        engine.write(tensor, bytes);
        return tensor;
    }

    private static Tensor part(Tensor flat, int from, int rows, int columns) {
        return flat.rows(from, (long) rows * columns).reshape(ai.sparktron.trainer.tensor.Shape.of(rows, columns));
    }

    private static Tensor embedding(Tensor flat) {
        return part(flat, 0, V, D);
    }

    private static Tensor head(Tensor flat) {
        return part(flat, V * D, V, D);
    }

    private static Tensor finalNorm(Tensor flat) {
        return flat.rows(PARAMETERS - D, D);
    }

    private static int layerStart(int layer) {
        return 2 * V * D + layer * LAYER_PARAMETERS;
    }

    private static Tensor qkv(Tensor flat, int layer) {
        return part(flat, layerStart(layer), 3 * D, D);
    }

    private static Tensor projection(Tensor flat, int layer) {
        return part(flat, layerStart(layer) + 3 * D * D, D, D);
    }

    private static Tensor gateUp(Tensor flat, int layer) {
        return part(flat, layerStart(layer) + 4 * D * D, 2 * F, D);
    }

    private static Tensor down(Tensor flat, int layer) {
        return part(flat, layerStart(layer) + 4 * D * D + 2 * F * D, D, F);
    }

    private static Tensor norm(Tensor flat, int layer, int which) {
        return flat.rows(layerStart(layer) + LAYER_PARAMETERS - (2 - which) * D, D);
    }

    /** y = x w^T. */
    private void linear(Tensor x, Tensor w, Tensor y) {
        kernels.matmul(x, Transpose.NO, w, Transpose.YES, y, Write.OVERWRITE);
    }

    /** dx = dy w; dw += dy^T x. */
    private void linearGrad(Tensor dy, Tensor x, Tensor w, Tensor dw, Tensor dx) {
        kernels.matmul(dy, Transpose.YES, x, Transpose.NO, dw, Write.ACCUMULATE);
        kernels.matmul(dy, Transpose.NO, w, Transpose.NO, dx, Write.OVERWRITE);
    }

    /** One step; returns the mean loss before it. */
    float step() {
        float loss;
        kernels.fill(gradient, 0);
        try (Arena.Frame step = arena.open("step")) {
            Tensor x = step.tensor("x", DType.F32, TOKENS, D);
            Saved[] saved = new Saved[LAYERS];
            kernels.embedding(ids, embedding(value), 0, x);
            Tensor delta = null;
            for (int layer = 0; layer < LAYERS; layer++) {
                saved[layer] = new Saved();
                delta = forward(step, layer, x, delta, saved[layer]);
            }
            Tensor normed = step.tensor("normed", DType.F32, TOKENS, D);
            Tensor inverse = step.tensor("inverse", DType.F32, TOKENS, 1);
            kernels.addRmsNorm(x, delta, finalNorm(value), EPSILON, normed, inverse);
            Tensor logits = step.tensor("logits", DType.F32, TOKENS, V);
            Tensor sums = step.tensor("sums", DType.F32, TOKENS);
            Tensor picked = step.tensor("picked", DType.F32, TOKENS);
            linear(normed, head(value), logits);
            kernels.softmaxStatistics(logits, labels, 0, sums, picked);
            loss = meanLoss(sums, picked);
            kernels.crossEntropyGrad(logits, sums, labels, 0, lossScale);
            Tensor dNormed = step.tensor("dNormed", DType.F32, TOKENS, D);
            Tensor dx = step.tensor("dx", DType.F32, TOKENS, D);
            linearGrad(logits, normed, head(value), head(gradient), dNormed);
            kernels.rmsNormGrad(dNormed, x, finalNorm(value), inverse, dx, Write.OVERWRITE, finalNorm(gradient));
            for (int layer = LAYERS - 1; layer >= 0; layer--) {
                backward(layer, saved[layer], dx);
            }
            kernels.embeddingGrad(ids, dx, 0, embedding(gradient));
        }
        kernels.sumOfSquares(gradient, gradientScale, Write.OVERWRITE);
        kernels.fill(gradientScale, 1);
        kernels.adamW(new AdamWStep(1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, ++steps), value, gradient, gradientScale, firstMoment, secondMoment, null);
        return loss;
    }

    /** x is the residual without {@code delta}, which is added here; returns this layer's own delta. */
    private Tensor forward(Arena.Frame step, int layer, Tensor x, Tensor delta, Saved saved) {
        saved.normed = step.tensor("normed", DType.F32, TOKENS, D);
        saved.inverse = step.tensor("inverse", DType.F32, TOKENS, 1);
        if (delta == null) {
            kernels.rmsNorm(x, norm(value, layer, 0), EPSILON, saved.normed, saved.inverse);
        } else {
            kernels.addRmsNorm(x, delta, norm(value, layer, 0), EPSILON, saved.normed, saved.inverse);
        }
        saved.input = keep(step, x);
        saved.qkv = step.tensor("qkv", DType.F32, TOKENS, 3 * D);
        linear(saved.normed, qkv(value, layer), saved.qkv);
        kernels.rope(saved.qkv.columns(0, 2 * D), D / HEADS, layout.positions(), cosSin, RopeLayout.HALVES, Direction.FORWARD);
        saved.attended = step.tensor("attended", DType.F32, TOKENS, D);
        saved.sums = step.tensor("sums", DType.F32, TOKENS, HEADS);
        kernels.attention(saved.qkv.columns(0, D), saved.qkv.columns(D, D), saved.qkv.columns(2 * D, D), ATTENTION, layout, layout, saved.attended,
                saved.sums);
        Tensor projected = step.tensor("projected", DType.F32, TOKENS, D);
        linear(saved.attended, projection(value, layer), projected);
        saved.middleNormed = step.tensor("middle normed", DType.F32, TOKENS, D);
        saved.middleInverse = step.tensor("middle inverse", DType.F32, TOKENS, 1);
        kernels.addRmsNorm(x, projected, norm(value, layer, 1), EPSILON, saved.middleNormed, saved.middleInverse);
        saved.middle = keep(step, x);
        saved.gateUp = step.tensor("gate up", DType.F32, TOKENS, 2 * F);
        saved.active = step.tensor("active", DType.F32, TOKENS, F);
        linear(saved.middleNormed, gateUp(value, layer), saved.gateUp);
        kernels.swiGlu(saved.gateUp, saved.active);
        Tensor out = step.tensor("out", DType.F32, TOKENS, D);
        linear(saved.active, down(value, layer), out);
        return out;
    }

    private Tensor keep(Arena.Frame step, Tensor x) {
        Tensor kept = step.tensor("kept", DType.F32, TOKENS, D);
        kernels.copy(x, kept);
        return kept;
    }

    /** dx is the gradient at the layer's output and becomes the one at its input. */
    private void backward(int layer, Saved saved, Tensor dx) {
        try (Arena.Frame call = arena.open("backward")) {
            Tensor dActive = call.tensor("dActive", DType.F32, TOKENS, F);
            linearGrad(dx, saved.active, down(value, layer), down(gradient, layer), dActive);
            kernels.swiGluGrad(dActive, saved.gateUp, saved.gateUp);
            Tensor dNormed = call.tensor("dNormed", DType.F32, TOKENS, D);
            linearGrad(saved.gateUp, saved.middleNormed, gateUp(value, layer), gateUp(gradient, layer), dNormed);
            kernels.rmsNormGrad(dNormed, saved.middle, norm(value, layer, 1), saved.middleInverse, dx, Write.ACCUMULATE, norm(gradient, layer, 1));
            Tensor dAttended = call.tensor("dAttended", DType.F32, TOKENS, D);
            linearGrad(dx, saved.attended, projection(value, layer), projection(gradient, layer), dAttended);
            Tensor dQkv = call.tensor("dQkv", DType.F32, TOKENS, 3 * D);
            kernels.attentionGrad(dAttended, saved.qkv.columns(0, D), saved.qkv.columns(D, D), saved.qkv.columns(2 * D, D), saved.attended, saved.sums,
                    ATTENTION, layout, layout, dQkv.columns(0, D), dQkv.columns(D, D), dQkv.columns(2 * D, D), Write.OVERWRITE);
            kernels.rope(dQkv.columns(0, 2 * D), D / HEADS, layout.positions(), cosSin, RopeLayout.HALVES, Direction.BACKWARD);
            linearGrad(dQkv, saved.normed, qkv(value, layer), qkv(gradient, layer), dNormed);
            kernels.rmsNormGrad(dNormed, saved.input, norm(value, layer, 0), saved.inverse, dx, Write.ACCUMULATE, norm(gradient, layer, 0));
        }
    }

    private float meanLoss(Tensor sums, Tensor picked) {
        ByteBuffer logSums = ByteBuffer.allocate(4 * TOKENS).order(ByteOrder.nativeOrder());
        ByteBuffer chosen = ByteBuffer.allocate(4 * TOKENS).order(ByteOrder.nativeOrder());
        engine.read(sums, logSums);
        engine.read(picked, chosen);
        double loss = 0;
        for (int t = 0; t < TOKENS; t++) {
            loss += logSums.getFloat(4 * t) - chosen.getFloat(4 * t);
        }
        return (float) (loss / TOKENS);
    }

    @Override
    public void close() {
        frame.close();
        arena.close();
    }
}
