package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Kernels on bfloat16 and float16 tensors: what float32 gives, rounded once where it is stored. */
abstract class NarrowKernelsContract extends EngineFixture {

    private static final int TOKENS = 37;

    /** The types a test runs with. */
    enum Narrow {
        BF16(DType.BF16, 0x1p-7), F16(DType.F16, 0x1p-10);

        private final DType dtype;
        private final double ulp;

        Narrow(DType dtype, double ulp) {
            this.dtype = dtype;
            this.ulp = ulp;
        }
    }

    private Twin normal(Narrow type, String name, Rows rows, int count, int columns) {
        return twin(name, type.dtype, rows, count, columns, normals(count * columns));
    }

    private Twin vectorOf(Narrow type, String name, int size) {
        float[] values = normals(size);
        long[] shape = {size};
        return new Twin(TestTensors.of(engine, frame, name, type.dtype, shape, values),
                TestTensors.of(reference, referenceFrame(), name, type.dtype, shape, values), 0, size);
    }

    private static void check(Narrow type, String what, Twin twin) {
        float magnitude = twin.magnitude();
        assertTrue(magnitude > 0.01, what + " is all but zero");
        twin.check(what + " in " + type, type.ulp * magnitude);
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void products(Narrow type) {
        for (int[] size : new int[][] {{TOKENS, 24, 50}, {TOKENS, 1, 264}, {1, 24, TOKENS}, {TOKENS, 24, 1}}) {
            for (Transpose ta : Transpose.values()) {
                for (Transpose tb : Transpose.values()) {
                    for (Write write : Write.values()) {
                        products(type, size[0], size[1], size[2], ta, tb, write);
                    }
                }
            }
        }
    }

    private void products(Narrow type, int m, int n, int k, Transpose ta, Transpose tb, Write write) {
        Twin a = ta == Transpose.YES ? normal(type, "a", Rows.STRIDED, k, m) : normal(type, "a", Rows.STRIDED, m, k);
        Twin b = tb == Transpose.YES ? normal(type, "b", Rows.STRIDED, n, k) : normal(type, "b", Rows.STRIDED, k, n);
        Twin out = normal(type, "out", Rows.STRIDED, m, n);
        Twin wide = normal("wide", Rows.STRIDED, m, n);
        both((kernels, side) -> kernels.matmul(side.of(a), ta, side.of(b), tb, side.of(out), write));
        check(type, "matmul " + ta + " " + tb + " " + write, out);
        both((kernels, side) -> kernels.matmul(side.of(a), ta, side.of(b), tb, side.of(wide), write));
        wide.check("matmul into float32", 1e-4);
    }

    /** Gradients of routers and gates: of one expert and of more than a block has, of rows that are shared out, of columns that are not read 8 at a time. */
    @ParameterizedTest
    @EnumSource(Narrow.class)
    void productsOfFloat32ScoresAndNarrowRows(Narrow type) {
        for (int[] size : new int[][] {{1, 1, 1}, {TOKENS, 1, 24}, {300, 60, 72}, {150, 70, 40}, {TOKENS, 5, 13}}) {
            for (Rows rows : Rows.values()) {
                for (Write write : Write.values()) {
                    Twin scores = normal("scores", rows, size[0], size[1]);
                    Twin x = normal(type, "x", rows, size[0], size[2]);
                    Twin wide = normal("wide", rows, size[1], size[2]);
                    Twin narrow = normal(type, "narrow", rows, size[1], size[2]);
                    both((kernels, side) -> {
                        kernels.matmul(side.of(scores), Transpose.YES, side.of(x), Transpose.NO, side.of(wide), write);
                        kernels.matmul(side.of(scores), Transpose.YES, side.of(x), Transpose.NO, side.of(narrow), write);
                    });
                    String what = "mixed matmul " + size[0] + " " + rows + " " + write;
                    wide.check(what, 1e-6 * (10 + size[0]));
                    narrow.check(what, type.ulp * narrow.magnitude());
                    Twin weight = normal(type, "weight", rows, size[1], size[2]);
                    Twin wideRows = normal("wide rows", rows, size[0], size[2]);
                    both((kernels, side) -> {
                        kernels.matmul(side.of(scores), Transpose.NO, side.of(weight), Transpose.NO, side.of(wideRows), write);
                        kernels.matmul(side.of(scores), Transpose.NO, side.of(weight), Transpose.NO, side.of(x), write);
                    });
                    wideRows.check("rows of " + what, 1e-6 * (10 + size[1]));
                    x.check("rows of " + what, type.ulp * x.magnitude());
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void otherProductsOfDifferentTypesAreRefused(Narrow type) {
        Twin scores = normal("scores", 4, 4);
        Twin x = normal(type, "x", Rows.PLAIN, 4, 4);
        Twin out = normal("out", 4, 4);
        String message = assertThrows(IllegalStateException.class,
                () -> engine.kernels().matmul(scores.mine, Transpose.NO, x.mine, Transpose.YES, out.mine, Write.OVERWRITE)).getMessage();
        assertTrue(message.contains("expected one type"), message);
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void productsWithABias(Narrow type) {
        for (Rows rows : Rows.values()) {
            Twin x = normal(type, "x", rows, TOKENS, 40);
            Twin weight = normal(type, "weight", Rows.PLAIN, 72, 40);
            Twin bias = vectorOf(type, "bias", 72);
            Twin out = normal(type, "out", rows, TOKENS, 72);
            both((kernels, side) -> kernels.linear(side.of(x), side.of(weight), side.of(bias), side.of(out)));
            check(type, "linear", out);
        }
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void elementByElement(Narrow type) {
        for (Rows rows : Rows.values()) {
            Twin a = normal(type, "a", rows, TOKENS, 70);
            Twin b = normal(type, "b", rows, TOKENS, 70);
            Twin out = normal(type, "out", rows, TOKENS, 70);
            Twin bias = vectorOf(type, "bias", 70);
            Twin dBias = normalVector("dBias", 70);
            both((kernels, side) -> kernels.add(side.of(a), side.of(b), side.of(out)));
            check(type, "add", out);
            both((kernels, side) -> kernels.addScaled(-0.7f, side.of(b), side.of(a)));
            check(type, "addScaled", a);
            both((kernels, side) -> kernels.scale(side.of(out), 1.7f));
            check(type, "scale", out);
            both((kernels, side) -> kernels.addBias(side.of(b), side.of(bias)));
            check(type, "addBias", b);
            both((kernels, side) -> kernels.addBiasGrad(side.of(b), side.of(dBias)));
            dBias.check("addBiasGrad", 1e-4);
        }
        Twin table = normal(type, "table", Rows.PLAIN, 11, 24);
        Twin ids = ints("ids", randomInts(TOKENS, 11));
        Twin rows = normal(type, "rows", Rows.PLAIN, TOKENS, 24);
        Twin dTable = normal("dTable", 11, 24);
        both((kernels, side) -> kernels.embedding(side.of(ids), side.of(table), 0, side.of(rows)));
        rows.check("embedding", 0);
        both((kernels, side) -> kernels.embeddingGrad(side.of(ids), side.of(rows), 0, side.of(dTable)));
        dTable.check("embeddingGrad", 1e-4);
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void norms(Narrow type) {
        Twin x = normal(type, "x", Rows.STRIDED, TOKENS, 96);
        Twin delta = normal(type, "delta", Rows.PLAIN, TOKENS, 96);
        Twin weight = vectorOf(type, "weight", 32);
        Twin out = normal(type, "out", Rows.PLAIN, TOKENS, 96);
        Twin inverse = normal("inverse", TOKENS, 3);
        both((kernels, side) -> kernels.rmsNorm(side.of(x), side.of(weight), 1e-6f, side.of(out), side.of(inverse)));
        check(type, "rmsNorm", out);
        inverse.check("inverse", 1e-5);
        Twin dx = normal(type, "dx", Rows.PLAIN, TOKENS, 96);
        Twin dWeight = normalVector("dWeight", 32);
        for (Write write : Write.values()) {
            both((kernels, side) -> kernels.rmsNormGrad(side.of(delta), side.of(x), side.of(weight), side.of(inverse), side.of(dx), write, side.of(dWeight)));
            check(type, "rmsNormGrad " + write, dx);
            dWeight.check("dWeight", 1e-3);
        }
        Twin whole = vectorOf(type, "whole", 96);
        Twin one = normal("inverse of rows", TOKENS, 1);
        both((kernels, side) -> kernels.addRmsNorm(side.of(x), side.of(delta), side.of(whole), 1e-6f, side.of(out), side.of(one)));
        check(type, "sum", x);
        check(type, "addRmsNorm", out);
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void attentionAndPositions(Narrow type) {
        AttentionShape shape = new AttentionShape(4, 2, 16, 16, 0.25f);
        LayoutTwin layout = wholeDocuments(20, 1, 16);
        Twin q = normal(type, "q", Rows.STRIDED, TOKENS, 64);
        Twin k = normal(type, "k", Rows.STRIDED, TOKENS, 32);
        Twin v = normal(type, "v", Rows.STRIDED, TOKENS, 32);
        Twin table = normal("table", 20, 16);
        both((kernels, side) -> kernels.rope(side.of(q), 16, side.of(layout).positions(), side.of(table), RopeLayout.HALVES, Direction.FORWARD));
        check(type, "rope", q);
        Twin out = normal(type, "out", Rows.STRIDED, TOKENS, 64);
        Twin sums = normal("log sums", TOKENS, 4);
        both((kernels, side) -> kernels.attention(side.of(q), side.of(k), side.of(v), shape, side.of(layout), side.of(layout), side.of(out), side.of(sums)));
        check(type, "attention", out);
        sums.check("log sums", 4 * type.ulp * sums.magnitude());
        Twin dOut = normal(type, "dOut", Rows.PLAIN, TOKENS, 64);
        Twin dq = normal(type, "dq", Rows.STRIDED, TOKENS, 64);
        Twin dk = normal(type, "dk", Rows.STRIDED, TOKENS, 32);
        Twin dv = normal(type, "dv", Rows.STRIDED, TOKENS, 32);
        both((kernels, side) -> kernels.attentionGrad(side.of(dOut), side.of(q), side.of(k), side.of(v), side.of(out), side.of(sums), shape, side.of(layout),
                side.of(layout), side.of(dq), side.of(dk), side.of(dv), Write.OVERWRITE));
        for (Twin gradient : new Twin[] {dq, dk, dv}) {
            // Queries that were rounded differently by a unit have other scores.
            gradient.check("attentionGrad " + gradient.mine.name(), 8 * type.ulp * gradient.magnitude());
        }
    }

    /** As a ring wants its shares: they are what results of the type are rounded from. */
    @ParameterizedTest
    @EnumSource(Narrow.class)
    void attentionIntoFloat32(Narrow type) {
        AttentionShape shape = new AttentionShape(4, 2, 16, 16, 0.25f);
        LayoutTwin layout = wholeDocuments(20, 1, 16);
        for (Rows rows : Rows.values()) {
            Twin q = normal(type, "q", rows, TOKENS, 64);
            Twin k = normal(type, "k", rows, TOKENS, 32);
            Twin v = normal(type, "v", rows, TOKENS, 32);
            Twin dOut = normal(type, "dOut", rows, TOKENS, 64);
            Twin sums = normal("log sums", TOKENS, 4);
            Twin out = normal(type, "out", Rows.PLAIN, TOKENS, 64);
            Twin wide = normal("wide out", Rows.PLAIN, TOKENS, 64);
            both((kernels, side) -> {
                kernels.attention(side.of(q), side.of(k), side.of(v), shape, side.of(layout), side.of(layout), side.of(wide), null);
                kernels.attention(side.of(q), side.of(k), side.of(v), shape, side.of(layout), side.of(layout), side.of(out), side.of(sums));
            });
            check(type, "attention into float32", wide);
            rounds(type, wide, out);
            Twin[] narrow = {normal(type, "dq", Rows.PLAIN, TOKENS, 64), normal(type, "dk", Rows.PLAIN, TOKENS, 32), normal(type, "dv", Rows.PLAIN, TOKENS, 32)};
            Twin[] exact = {normal("wide dq", Rows.PLAIN, TOKENS, 64), normal("wide dk", Rows.PLAIN, TOKENS, 32), normal("wide dv", Rows.PLAIN, TOKENS, 32)};
            for (Twin[] results : new Twin[][] {narrow, exact}) {
                both((kernels, side) -> kernels.attentionGrad(side.of(dOut), side.of(q), side.of(k), side.of(v), side.of(out), side.of(sums), shape, side.of(layout),
                        side.of(layout), side.of(results[0]), side.of(results[1]), side.of(results[2]), Write.OVERWRITE));
            }
            for (int i = 0; i < narrow.length; i++) {
                rounds(type, exact[i], narrow[i]);
                exact[i].check("attentionGrad " + exact[i].mine.name(), 8 * type.ulp * exact[i].magnitude());
            }
        }
    }

    /** The engine's narrow numbers are its float32 ones rounded, and those are no narrow ones themselves. */
    private void rounds(Narrow type, Twin wide, Twin narrow) {
        float[] exact = TestTensors.read(engine, wide.mine);
        long[] shape = {wide.mine.rows(), wide.mine.columns()};
        float[] rounded = TestTensors.read(engine, TestTensors.of(engine, frame, "rounded", type.dtype, shape, exact));
        assertArrayEquals(rounded, TestTensors.read(engine, narrow.mine), wide.mine + " rounded, against " + narrow.mine);
        assertFalse(Arrays.equals(exact, rounded), wide.mine + " is rounded to " + type);
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void feedForwardAndLoss(Narrow type) {
        Twin gateUp = normal(type, "gateUp", Rows.STRIDED, TOKENS, 84);
        Twin out = normal(type, "out", Rows.PLAIN, TOKENS, 42);
        Twin grad = normal(type, "grad", Rows.STRIDED, TOKENS, 84);
        Twin dOut = normal(type, "dOut", Rows.PLAIN, TOKENS, 42);
        both((kernels, side) -> kernels.swiGlu(side.of(gateUp), side.of(out)));
        check(type, "swiGlu", out);
        both((kernels, side) -> kernels.swiGluGrad(side.of(dOut), side.of(gateUp), side.of(grad)));
        check(type, "swiGluGrad", grad);
        Twin logits = normal(type, "logits", Rows.PLAIN, TOKENS, 211);
        Twin labels = ints("labels", randomInts(TOKENS, 211));
        Twin sums = normalVector("sums", TOKENS);
        Twin picked = normalVector("picked", TOKENS);
        Twin scale = normalVector("scale", TOKENS);
        both((kernels, side) -> kernels.softmaxStatistics(side.of(logits), side.of(labels), 0, side.of(sums), side.of(picked)));
        sums.check("log sum of exponentials", 1e-5);
        picked.check("picked", 0);
        both((kernels, side) -> kernels.crossEntropyGrad(side.of(logits), side.of(sums), side.of(labels), 0, side.of(scale)));
        check(type, "crossEntropyGrad", logits);
        Tensor sum = frame.tensor("squares", DType.F32, 1);
        engine.kernels().sumOfSquares(vectorOf(type, "x", 300).mine, sum, Write.OVERWRITE);
        assertTrue(TestTensors.read(engine, sum)[0] > 100);
    }
}
