package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The reference's gradients against finite differences of its own forward kernels, in float64. */
class ReferenceKernelsTest {

    private static final double STEP = 1e-5;

    private final Engine engine = new ReferenceEngine();
    private final Kernels kernels = engine.kernels();
    private final StackArena arena = StackArena.growing("test", engine.memory(), 1 << 16);
    private final Arena.Frame frame = arena.open("test");
    private final Random random = new Random(7);
    private int compared;

    @AfterEach
    void somethingWasCompared() {
        assertEquals(true, compared > 0);
        frame.close();
        arena.close();
    }

    private Tensor normal(String name, long... shape) {
        Tensor tensor = frame.tensor(name, DType.F64, shape);
        Cells cells = new Cells(tensor);
        for (long r = 0; r < cells.rows(); r++) {
            for (long c = 0; c < cells.columns(); c++) {
                cells.set(r, c, random.nextGaussian());
            }
        }
        return tensor;
    }

    private Tensor zeros(String name, long... shape) {
        Tensor tensor = frame.tensor(name, DType.F64, shape);
        kernels.fill(tensor, 0);
        return tensor;
    }

    private static double dot(Tensor a, Tensor b) {
        Cells x = new Cells(a);
        Cells y = new Cells(b);
        double sum = 0;
        for (long r = 0; r < x.rows(); r++) {
            for (long c = 0; c < x.columns(); c++) {
                sum += x.get(r, c) * y.get(r, c);
            }
        }
        return sum;
    }

    /** The gradient of dOut * out at {@code input}, where {@code forward} computes out. */
    private void check(String what, Tensor input, Tensor gradient, Tensor out, Tensor dOut, Runnable forward, double tolerance) {
        Cells cells = new Cells(input);
        for (long r = 0; r < cells.rows(); r++) {
            for (long c = 0; c < cells.columns(); c++) {
                double value = cells.get(r, c);
                cells.set(r, c, value + STEP);
                forward.run();
                double above = dot(out, dOut);
                cells.set(r, c, value - STEP);
                forward.run();
                double below = dot(out, dOut);
                cells.set(r, c, value);
                assertEquals((above - below) / (2 * STEP), new Cells(gradient).get(r, c), tolerance, what + " " + r + "," + c);
                compared++;
            }
        }
        forward.run();
    }

    @Test
    void norms() {
        Tensor x = normal("x", 3, 10);
        Tensor weight = normal("weight", 5);
        Tensor out = zeros("out", 3, 10);
        Tensor dOut = normal("dOut", 3, 10);
        Tensor inverse = frame.tensor("inverse", DType.F32, 3, 2);
        Runnable forward = () -> kernels.rmsNorm(x, weight, 0.01f, out, inverse);
        forward.run();
        Tensor dx = zeros("dx", 3, 10);
        Tensor dWeight = zeros("dWeight", 5);
        kernels.rmsNormGrad(dOut, x, weight, inverse, dx, Write.OVERWRITE, dWeight);
        check("dx", x, dx, out, dOut, forward, 1e-5);
        check("dWeight", weight, dWeight, out, dOut, forward, 1e-5);
    }

    @Test
    void rotation() {
        for (RopeLayout layout : RopeLayout.values()) {
            Tensor x = normal("x", 4, 12);
            Tensor out = zeros("out", 4, 12);
            Tensor dOut = normal("dOut", 4, 12);
            Tensor positions = TestTensors.ints(engine, frame, "positions", 0, 1, 2, 1);
            Tensor table = TestTensors.floats(engine, frame, "table", new long[] {3, 4}, 1, 1, 0, 0, 0.6f, 0.8f, 0.8f, 0.6f, 0, -1, 1, 0);
            Runnable forward = () -> {
                kernels.copy(x, out);
                kernels.rope(out, 6, positions, table, layout, Direction.FORWARD);
            };
            Tensor dx = zeros("dx", 4, 12);
            kernels.copy(dOut, dx);
            kernels.rope(dx, 6, positions, table, layout, Direction.BACKWARD);
            check("rope " + layout, x, dx, out, dOut, forward, 1e-6);
        }
    }

    @Test
    void attention() {
        AttentionShape shape = new AttentionShape(4, 2, 3, 2, 0.7f);
        TokenLayout layout = TestTensors.documents(engine, frame, 4, 1, 3);
        Tensor q = normal("q", 8, 12);
        Tensor k = normal("k", 8, 6);
        Tensor v = normal("v", 8, 4);
        Tensor out = zeros("out", 8, 8);
        Tensor dOut = normal("dOut", 8, 8);
        Tensor sums = frame.tensor("sums", DType.F32, 8, 4);
        Runnable forward = () -> kernels.attention(q, k, v, shape, layout, layout, out, sums);
        forward.run();
        Tensor dq = zeros("dq", 8, 12);
        Tensor dk = zeros("dk", 8, 6);
        Tensor dv = zeros("dv", 8, 4);
        kernels.attentionGrad(dOut, q, k, v, out, sums, shape, layout, layout, dq, dk, dv, Write.OVERWRITE);
        check("dq", q, dq, out, dOut, forward, 2e-5);
        check("dk", k, dk, out, dOut, forward, 2e-5);
        check("dv", v, dv, out, dOut, forward, 2e-5);
    }

    @Test
    void gatedActivation() {
        Tensor gateUp = normal("gateUp", 3, 10);
        Tensor out = zeros("out", 3, 5);
        Tensor dOut = normal("dOut", 3, 5);
        Tensor grad = zeros("grad", 3, 10);
        kernels.swiGluGrad(dOut, gateUp, grad);
        check("swiGlu", gateUp, grad, out, dOut, () -> kernels.swiGlu(gateUp, out), 1e-7);
    }

    @Test
    void crossEntropy() {
        Tensor logits = normal("logits", 4, 6);
        Tensor labels = TestTensors.ints(engine, frame, "labels", 0, 5, -100, 3);
        Tensor sums = frame.tensor("sums", DType.F32, 4);
        Tensor picked = frame.tensor("picked", DType.F32, 4);
        Tensor scale = TestTensors.floats(engine, frame, "scale", new long[] {4}, 0.5f, 1, 9, 2);
        Tensor grad = zeros("grad", 4, 6);
        kernels.copy(logits, grad);
        kernels.softmaxStatistics(logits, labels, 0, sums, picked);
        kernels.crossEntropyGrad(grad, sums, labels, 0, scale);
        for (long t = 0; t < 4; t++) {
            for (long c = 0; c < 6; c++) {
                double value = new Cells(logits).get(t, c);
                double[] loss = new double[2];
                for (int side = 0; side < 2; side++) {
                    new Cells(logits).set(t, c, value + (side == 0 ? 1 : -1) * 1e-3);
                    kernels.softmaxStatistics(logits, labels, 0, sums, picked);
                    double one = new Cells(sums).get(t) - new Cells(picked).get(t);
                    loss[side] = t == 2 ? 0 : one * new Cells(scale).get(t);
                }
                new Cells(logits).set(t, c, value);
                assertEquals((loss[0] - loss[1]) / 2e-3, new Cells(grad).get(t, c), 2e-3);
                compared++;
            }
        }
    }

    @Test
    void biasesAndEmbeddings() {
        Tensor table = normal("table", 5, 3);
        Tensor ids = TestTensors.ints(engine, frame, "ids", 2, 2, 9, 4, 0);
        Tensor bias = normal("bias", 3);
        Tensor out = zeros("out", 5, 3);
        Tensor dOut = normal("dOut", 5, 3);
        Runnable forward = () -> {
            kernels.embedding(ids, table, 0, out);
            kernels.addBias(out, bias);
        };
        Tensor dTable = zeros("dTable", 5, 3);
        Tensor dBias = zeros("dBias", 3);
        kernels.embeddingGrad(ids, dOut, 0, dTable);
        kernels.addBiasGrad(dOut, dBias);
        check("table", table, dTable, out, dOut, forward, 1e-7);
        check("bias", bias, dBias, out, dOut, forward, 1e-7);
    }

    @Test
    void latentHeads() {
        AttentionShape shape = new AttentionShape(3, 3, 5, 2, 1);
        Tensor up = normal("up", 4, 15);
        Tensor rotary = normal("rotary", 4, 2);
        Tensor both = zeros("both", 4, 21);
        Tensor dBoth = normal("dBoth", 4, 21);
        Runnable forward = () -> kernels.latentHeads(up, rotary, shape, both.columns(0, 15), both.columns(15, 6));
        Tensor dUp = zeros("dUp", 4, 15);
        Tensor dRotary = zeros("dRotary", 4, 2);
        kernels.latentHeadsGrad(dBoth.columns(0, 15), dBoth.columns(15, 6), shape, dUp, dRotary);
        check("up", up, dUp, both, dBoth, forward, 1e-7);
        check("rotary", rotary, dRotary, both, dBoth, forward, 1e-7);
    }

    /** Weights, balancing loss and z loss together, as one sum: their gradient at the logits. */
    @Test
    void routing() {
        for (RoutingRule.Score score : RoutingRule.Score.values()) {
            for (boolean normalise : new boolean[] {false, true}) {
                RoutingRule rule = new RoutingRule(6, 2, score, 3, 2, 2, normalise, 1.7f);
                Tensor logits = normal("logits", 5, 6);
                Tensor ids = frame.tensor("ids", DType.I32, 5, 2);
                Tensor sequences = TestTensors.ints(engine, frame, "sequences", 0, 0, 1, 1, 1);
                Tensor factors = normal("factors", 2);
                Tensor counts = normal("counts", 2, 6);
                Tensor out = zeros("out", 1, 12);
                Tensor dOut = normal("dOut", 1, 12);
                kernels.fill(dOut.columns(10, 2), 1);
                Runnable forward = () -> {
                    Tensor weights = zeros("weights", 5, 2);
                    Tensor probabilities = zeros("probabilities", 2, 6);
                    Tensor loss = zeros("loss", 1);
                    Tensor z = zeros("z", 1);
                    kernels.experts().route(logits, null, null, rule, ids, weights);
                    kernels.experts().routerStatistics(logits, ids, rule, sequences, zeros("none", 2, 6), probabilities, z);
                    kernels.experts().balanceLoss(counts, probabilities, factors, loss);
                    for (int i = 0; i < 10; i++) {
                        new Cells(out).set(0, i, new Cells(weights).get(i / 2, i % 2));
                    }
                    new Cells(out).set(0, 10, new Cells(loss).get(0));
                    new Cells(out).set(0, 11, 0.25 * new Cells(z).get(0));
                };
                forward.run();
                Tensor dWeights = zeros("dWeights", 5, 2);
                for (int i = 0; i < 10; i++) {
                    new Cells(dWeights).set(i / 2, i % 2, new Cells(dOut).get(0, i));
                }
                Tensor dLogits = zeros("dLogits", 5, 6);
                kernels.experts().routeGrad(dWeights, logits, ids, rule, new RouterPenalty(sequences, counts, factors, 0.25f), dLogits);
                check("logits " + score + " normalise " + normalise, logits, dLogits, out, dOut, forward, 1e-6);
            }
        }
    }

    @Test
    void scaledActivationAndGroupedProducts() {
        Tensor gateUp = normal("gateUp", 4, 6);
        Tensor factors = normal("factors", 4);
        Tensor out = zeros("out", 4, 3);
        Tensor dOut = normal("dOut", 4, 3);
        Tensor dGateUp = zeros("dGateUp", 4, 6);
        Tensor dFactors = zeros("dFactors", 4);
        Tensor inPlace = zeros("inPlace", 4, 3);
        kernels.copy(gateUp, dGateUp);
        kernels.copy(dOut, inPlace);
        kernels.experts().swiGluScaledBackward(inPlace, dGateUp, factors, dFactors);
        Runnable activation = () -> kernels.experts().swiGluScaled(gateUp, factors, out);
        check("gateUp", gateUp, dGateUp, out, dOut, activation, 1e-7);
        check("factors", factors, dFactors, out, dOut, activation, 1e-7);
        Tensor offsets = TestTensors.ints(engine, frame, "offsets", 0, 1, 1, 4);
        Tensor w = normal("w", 9, 6);
        Tensor dW = zeros("dW", 9, 6);
        Tensor dx = zeros("dx", 4, 6);
        kernels.experts().groupedMatmul(dOut, offsets, w, Transpose.NO, dx, Write.OVERWRITE);
        kernels.experts().groupedMatmulGrad(dOut, gateUp, offsets, dW, Write.OVERWRITE);
        Runnable product = () -> kernels.experts().groupedMatmul(gateUp, offsets, w, Transpose.YES, out, Write.OVERWRITE);
        check("x", gateUp, dx, out, dOut, product, 1e-7);
        check("w", w, dW, out, dOut, product, 1e-7);
    }
}
