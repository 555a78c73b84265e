package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every engine's kernels promise, in awkward sizes; attention is in {@link AttentionContract}, updates in {@link OptimizerContract}
 * and {@link RoundingContract}.
 */
abstract class KernelsContract extends RoundingContract {

    private static final int[][] SIZES = {{1, 1}, {4, 13}, {25, 207}, {3, 2500}, {70, 64}};

    @ParameterizedTest
    @CsvSource({"1,1,1", "1,207,25", "13,4,1000", "64,64,64", "207,25,13", "130,70,300", "300,1,264", "70,104,1"})
    void products(int m, int n, int k) {
        for (Transpose ta : Transpose.values()) {
            for (Transpose tb : Transpose.values()) {
                for (Write write : Write.values()) {
                    for (Rows rows : Rows.values()) {
                        Twin a = ta == Transpose.YES ? normal("a", rows, k, m) : normal("a", rows, m, k);
                        Twin b = tb == Transpose.YES ? normal("b", rows, n, k) : normal("b", rows, k, n);
                        Twin out = normal("out", rows, m, n);
                        both((kernels, side) -> kernels.matmul(side.of(a), ta, side.of(b), tb, side.of(out), write));
                        out.check("matmul " + ta + " " + tb + " " + write, 1e-6 * k + 1e-6);
                    }
                }
            }
        }
    }

    @Test
    void overwritingNeverReadsWhatWasThere() {
        Twin a = normal("a", 5, 7);
        Twin b = normal("b", 7, 6);
        Twin out = twin("out", DType.F32, Rows.PLAIN, 5, 6, filled(30, Float.NaN));
        both((kernels, side) -> kernels.matmul(side.of(a), Transpose.NO, side.of(b), Transpose.NO, side.of(out), Write.OVERWRITE));
        out.check("matmul over NaN", 1e-5);
        Twin one = twin("one row", DType.F32, Rows.PLAIN, 1, 6, filled(6, Float.NaN));
        Twin row = normal("row", 1, 7);
        both((kernels, side) -> kernels.matmul(side.of(row), Transpose.NO, side.of(b), Transpose.NO, side.of(one), Write.OVERWRITE));
        one.check("one row over NaN", 1e-5);
        Twin grad = twin("dx", DType.F32, Rows.PLAIN, 5, 7, filled(35, Float.NaN));
        Twin weight = normalVector("weight", 7);
        Twin inverse = normal("inverse", 5, 1);
        Twin dy = normal("dy", 5, 7);
        both((kernels, side) -> kernels.rmsNormGrad(side.of(dy), side.of(a), side.of(weight), side.of(inverse), side.of(grad), Write.OVERWRITE, null));
        grad.check("rmsNormGrad over NaN", 1e-4);
    }

    static float[] filled(int count, float value) {
        float[] values = new float[count];
        java.util.Arrays.fill(values, value);
        return values;
    }

    @ParameterizedTest
    @EnumSource(Rows.class)
    void productsWithABias(Rows rows) {
        for (int[] size : SIZES) {
            Twin x = normal("x", rows, size[0], size[1]);
            Twin weight = normal("weight", rows, 24, size[1]);
            Twin bias = normalVector("bias", 24);
            Twin out = normal("out", rows, size[0], 24);
            both((kernels, side) -> kernels.linear(side.of(x), side.of(weight), side.of(bias), side.of(out)));
            out.check("linear", 1e-6 * size[1] + 1e-6);
        }
    }

    @ParameterizedTest
    @EnumSource(Rows.class)
    void elementByElement(Rows rows) {
        for (int[] size : SIZES) {
            Twin a = normal("a", rows, size[0], size[1]);
            Twin b = normal("b", rows, size[0], size[1]);
            Twin out = normal("out", rows, size[0], size[1]);
            Twin bias = normalVector("bias", size[1]);
            Twin dBias = normalVector("dBias", size[1]);
            both((kernels, side) -> kernels.add(side.of(a), side.of(b), side.of(out)));
            out.checkRelative("add", 1);
            both((kernels, side) -> kernels.add(side.of(out), side.of(b), side.of(out)));
            out.checkRelative("add in place", 2);
            both((kernels, side) -> kernels.add(side.of(b), side.of(out), side.of(out)));
            out.checkRelative("add in place of the second", 3);
            both((kernels, side) -> kernels.addScaled(-0.7f, side.of(b), side.of(a)));
            a.checkRelative("addScaled", 2);
            both((kernels, side) -> kernels.scale(side.of(a), 1.7f));
            a.checkRelative("scale", 3);
            both((kernels, side) -> kernels.addBias(side.of(a), side.of(bias)));
            a.checkRelative("addBias", 4);
            both((kernels, side) -> kernels.addBiasGrad(side.of(b), side.of(dBias)));
            dBias.check("addBiasGrad", 1e-6 * size[0] + 1e-6);
            both((kernels, side) -> kernels.copy(side.of(a), side.of(out)));
            out.checkRelative("copy", 4);
            both((kernels, side) -> kernels.fill(side.of(out), -2.5f));
            out.check("fill", 0);
        }
        Twin integers = ints("integers", 5, 6, 7);
        engine.kernels().fill(integers.mine, 3);
        Tensor same = TestTensors.ints(engine, frame, "same", 3, 3, 3);
        assertArrayEquals(bits(same), bits(integers.mine));
    }

    private byte[] bits(Tensor tensor) {
        byte[] bytes = new byte[(int) tensor.sizeBytes()];
        engine.read(tensor, java.nio.ByteBuffer.wrap(bytes));
        return bytes;
    }

    /** Every pair of storage types, with ties, overflow, subnormal numbers, infinities and NaN. */
    @Test
    void copiesConvertRoundingToNearestEven() {
        float[] values = normals(2600);
        float[] special = {0, -0f, 1.00390625f, 1.01171875f, 65519, 65520, 3.4e38f, 1e-40f, 6e-8f, Float.NaN, Float.POSITIVE_INFINITY,
                Float.NEGATIVE_INFINITY, 1 + 0x1p-11f, 1 + 3 * 0x1p-11f};
        System.arraycopy(special, 0, values, 100, special.length);
        DType[] types = {DType.F32, DType.BF16, DType.F16};
        for (DType from : types) {
            for (DType to : types) {
                for (Rows rows : Rows.values()) {
                    Twin x = twin("x", from, rows, 2, 1300, values);
                    Twin out = twin("out", to, rows, 2, 1300, new float[2600]);
                    both((kernels, side) -> kernels.copy(side.of(x), side.of(out)));
                    if (rows == Rows.PLAIN) {
                        out.check("copy " + from + " to " + to, 0);
                    } else {
                        assertArrayEquals(TestTensors.read(reference, contiguous(reference, out.expected)),
                                TestTensors.read(engine, contiguous(engine, out.mine)), 0);
                    }
                }
            }
        }
        assertEquals(HalfPrecision.fromBfloat16(HalfPrecision.toBfloat16(1.01171875f)), 1.015625f, "the tie goes to the even neighbour");
    }

    private Tensor contiguous(Engine on, Tensor x) {
        Tensor copy = ai.sparktron.trainer.tensor.StackArena.growing("copy", on.memory(), 1 << 16).open("copy").tensor("copy", x.dtype(), x.rows(), x.columns());
        on.kernels().copy(x, copy);
        return copy;
    }

    @Test
    void randomNumbersAreSlicesOfOneTensor() {
        for (int columns : new int[] {1, 13, 207}) {
            Twin whole = normal("whole", 9, columns + 4);
            Twin slice = normal("slice", Rows.STRIDED, 5, columns);
            both((kernels, side) -> {
                kernels.fillNormal(side.of(whole), 0x123456789abcdefL, 0, 0, columns + 4, 1.5f, 0.25f);
                kernels.fillNormal(side.of(slice), 0x123456789abcdefL, 3, 2, columns + 4, 1.5f, 0.25f);
            });
            whole.check("fillNormal", 2e-6);
            slice.check("fillNormal slice", 2e-6);
            float[] all = TestTensors.read(engine, whole.mine);
            float[] part = TestTensors.read(engine, contiguous(engine, slice.mine));
            for (int i = 0; i < part.length; i++) {
                assertEquals(all[(3 + i / columns) * (columns + 4) + 2 + i % columns], part[i]);
            }
            Twin uniform = normal("uniform", 9, columns);
            Twin dropped = normal("dropped", 9, columns);
            both((kernels, side) -> {
                kernels.fillUniform(side.of(uniform), 7, 2, 1, columns + 1, -1, 3);
                kernels.dropout(side.of(slice), 42, 3, 2, columns + 4, 0.3f, side.of(slice));
                kernels.dropout(side.of(whole), 42, 0, 0, columns + 4, 0.3f, side.of(whole));
                kernels.dropout(side.of(uniform), 5, 2, 0, columns, 0, side.of(dropped));
            });
            uniform.check("fillUniform", 5e-7);
            slice.check("dropout slice", 4e-6);
            whole.check("dropout", 4e-6);
            dropped.check("dropout of nothing", 5e-7);
        }
    }

    @Test
    void randomNumbersHaveTheirMoments() {
        Tensor x = frame.tensor("x", DType.F32, 200, 500);
        engine.kernels().fillNormal(x, 3, 0, 0, 500, 2, 3);
        double[] sums = moments(TestTensors.read(engine, x));
        assertEquals(2, sums[0], 0.03);
        assertEquals(9, sums[1], 0.15);
        engine.kernels().fillUniform(x, 3, 0, 0, 500, 0, 1);
        sums = moments(TestTensors.read(engine, x));
        assertEquals(0.5, sums[0], 0.004);
        assertEquals(1 / 12.0, sums[1], 0.001);
        engine.kernels().fill(x, 1);
        engine.kernels().dropout(x, 9, 0, 0, 500, 0.25f, x);
        assertEquals(1, moments(TestTensors.read(engine, x))[0], 0.01);
    }

    private static double[] moments(float[] values) {
        double mean = 0;
        double square = 0;
        for (float value : values) {
            mean += value / (double) values.length;
            square += value * (double) value / values.length;
        }
        return new double[] {mean, square - mean * mean};
    }

    @Test
    void embeddingsOfASliceOfTheVocabulary() {
        int[] id = randomInts(500, 40);
        id[17] = 0;
        Twin ids = ints("ids", id);
        for (int firstRow : new int[] {0, 10}) {
            Twin table = normal("table", 20, 33);
            Twin out = normal("out", Rows.STRIDED, 500, 33);
            Twin grad = normal("grad", 20, 33);
            both((kernels, side) -> {
                kernels.embedding(side.of(ids), side.of(table), firstRow, side.of(out));
                kernels.embeddingGrad(side.of(ids), side.of(out), firstRow, side.of(grad));
            });
            out.check("embedding", 0);
            grad.check("embeddingGrad with repeated ids", 2e-4);
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1,1", "5,13,1", "25,207,1", "9,64,4", "300,16,3", "3,4096,1"})
    void rootMeanSquareNorms(int tokens, int size, int groups) {
        for (Rows rows : Rows.values()) {
            Twin x = normal("x", rows, tokens, size * groups);
            Twin delta = normal("delta", rows, tokens, size * groups);
            Twin weight = normalVector("weight", size);
            Twin out = normal("out", rows, tokens, size * groups);
            Twin inverse = normal("inverse", tokens, groups);
            both((kernels, side) -> kernels.rmsNorm(side.of(x), side.of(weight), 1e-5f, side.of(out), side.of(inverse)));
            out.checkRelative("rmsNorm", 10);
            inverse.checkRelative("inverseRms", 10);
            both((kernels, side) -> kernels.addRmsNorm(side.of(x), side.of(delta), side.of(weight), 1e-6f, side.of(out), side.of(inverse)));
            x.checkRelative("residual", 2);
            out.checkRelative("addRmsNorm", 10);
            both((kernels, side) -> kernels.addRmsNorm(side.of(x), side.of(delta), side.of(weight), 1e-6f, side.of(delta), null));
            delta.checkRelative("addRmsNorm over its delta", 10);
            Twin dy = normal("dy", rows, tokens, size * groups);
            Twin dx = normal("dx", rows, tokens, size * groups);
            Twin dWeight = normalVector("dWeight", size);
            both((kernels, side) -> {
                kernels.rmsNorm(side.of(x), side.of(weight), 1e-5f, side.of(out), side.of(inverse));
                kernels.rmsNormGrad(side.of(dy), side.of(x), side.of(weight), side.of(inverse), side.of(dx), Write.ACCUMULATE, side.of(dWeight));
            });
            dx.checkRelative("dx accumulated", 30);
            dWeight.checkRelative("dWeight", 10 + tokens);
            both((kernels, side) -> kernels.rmsNormGrad(side.of(dy), side.of(x), side.of(weight), side.of(inverse), side.of(dy), Write.OVERWRITE, null));
            dy.checkRelative("dx over dy", 30);
            both((kernels, side) -> kernels.rmsNorm(side.of(x), side.of(weight), 1e-5f, side.of(x), null));
            x.checkRelative("rmsNorm in place", 10);
        }
    }

    @Test
    void aRowOfZerosNormalisesToZeros() {
        Twin x = twin("x", DType.F32, Rows.PLAIN, 2, 8, new float[16]);
        Twin weight = normalVector("weight", 8);
        Twin out = normal("out", 2, 8);
        both((kernels, side) -> kernels.rmsNorm(side.of(x), side.of(weight), 1e-6f, side.of(out), null));
        out.check("zeros", 0);
    }

    @Test
    void rotaryPositions() {
        int[] positions = randomInts(25, 50);
        Twin position = ints("positions", positions);
        for (int rotated : new int[] {2, 10, 16}) {
            Twin table = normal("cosSin", 50, rotated);
            for (RopeLayout layout : RopeLayout.values()) {
                for (Direction direction : Direction.values()) {
                    Twin x = normal("x", Rows.STRIDED, 25, 3 * 16);
                    both((kernels, side) -> kernels.rope(side.of(x), 16, side.of(position), side.of(table), layout, direction));
                    x.checkRelative("rope " + layout + " " + direction, 4);
                }
            }
        }
    }

    /** A view from the sixth column on has the last ten of each head in front of its groups. */
    @Test
    void rotaryPositionsAtTheEndsOfHeads() {
        Twin position = ints("positions", randomInts(25, 50));
        Twin table = normal("cosSin", 50, 10);
        for (RopeLayout layout : RopeLayout.values()) {
            Twin x = normal("x", 25, 3 * 16);
            float[] before = TestTensors.read(engine, x.mine);
            both((kernels, side) -> kernels.rope(side.of(x).columns(6, 3 * 16 - 6), 16, side.of(position), side.of(table), layout, Direction.FORWARD));
            x.checkRelative("rope " + layout, 4);
            float[] after = TestTensors.read(engine, x.mine);
            for (int i = 0; i < after.length; i++) {
                boolean turned = i % 16 >= 6;
                assertEquals(!turned, before[i] == after[i], "column " + i % 16 + " of token " + i / 48);
            }
        }
        assertThrows(IllegalStateException.class, () -> engine.kernels().rope(table.mine.columns(0, 7), 4, position.mine, table.mine.columns(0, 2),
                RopeLayout.PAIRS, Direction.FORWARD));
    }

    @Test
    void gatedActivationAtAllMagnitudes() {
        for (int width : new int[] {1, 13, 207, 2100}) {
            float[] values = normals(2 * 5 * width);
            for (int i = 0; i < values.length; i += 3) {
                values[i] *= 40;
            }
            Twin gateUp = twin("gateUp", DType.F32, Rows.STRIDED, 5, 2 * width, values);
            Twin out = normal("out", Rows.STRIDED, 5, width);
            Twin dOut = normal("dOut", Rows.STRIDED, 5, width);
            Twin grad = normal("grad", 5, 2 * width);
            both((kernels, side) -> {
                kernels.swiGlu(side.of(gateUp), side.of(out));
                kernels.swiGluGrad(side.of(dOut), side.of(gateUp), side.of(grad));
                kernels.swiGluGrad(side.of(dOut), side.of(gateUp), side.of(gateUp));
            });
            out.checkRelative("swiGlu", 4);
            grad.checkRelative("swiGluGrad", 8);
            gateUp.checkRelative("swiGluGrad in place", 8);
            Twin again = normal("gateUp", 5, 2 * width);
            Twin slope = normal("dOut", 5, width);
            both((kernels, side) -> kernels.swiGluBackward(side.of(slope), side.of(again)));
            slope.checkRelative("swiGluBackward, the activation", 4);
            again.checkRelative("swiGluBackward, the gradient", 8);
        }
        Twin extreme = twin("gateUp", DType.F32, Rows.PLAIN, 1, 8, -200, 200, -1e30f, 90, 1, 1, 1, 1);
        Twin out = normal("out", 1, 4);
        both((kernels, side) -> kernels.swiGlu(side.of(extreme), side.of(out)));
        out.checkRelative("swiGlu far out", 2);
    }

    @ParameterizedTest
    @CsvSource({"1,1,0", "25,207,0", "25,207,100", "7,5000,1000"})
    void crossEntropyOverASliceOfTheVocabulary(int tokens, int columns, int firstColumn) {
        int[] label = randomInts(tokens, firstColumn + columns + 50);
        label[tokens / 2] = -100;
        Twin labels = ints("labels", label);
        float[] values = normals(tokens * columns);
        values[0] = Float.NEGATIVE_INFINITY;
        values[values.length - 1] = 30;
        Twin logits = twin("logits", DType.F32, Rows.STRIDED, tokens, columns, values);
        Twin sums = normalVector("logSumExp", tokens);
        Twin picked = normalVector("picked", tokens);
        Twin scale = normalVector("scale", tokens);
        both((kernels, side) -> kernels.softmaxStatistics(side.of(logits), side.of(labels), firstColumn, side.of(sums), side.of(picked)));
        sums.checkRelative("logSumExp", 8);
        picked.check("picked", 0);
        Twin whole = vector("of the whole vocabulary", TestTensors.read(reference, sums.expected));
        both((kernels, side) -> {
            kernels.fill(side.of(sums), 2);
            kernels.addScaled(1, side.of(whole), side.of(sums));
            if (columns > 1) {
                kernels.crossEntropyGrad(side.of(logits), side.of(sums), side.of(labels), firstColumn, side.of(scale));
            }
        });
        logits.check("crossEntropyGrad", 2e-5);
    }

    @Test
    void rowsWithoutAnyLogitAndWithNaN() {
        Twin logits = twin("logits", DType.F32, Rows.PLAIN, 2, 40, filled(80, Float.NEGATIVE_INFINITY));
        Twin labels = ints("labels", 3, 4);
        Twin sums = normalVector("logSumExp", 2);
        Twin picked = normalVector("picked", 2);
        both((kernels, side) -> kernels.softmaxStatistics(side.of(logits), side.of(labels), 0, side.of(sums), side.of(picked)));
        assertEquals(Float.NEGATIVE_INFINITY, TestTensors.read(engine, sums.mine)[0]);
        float[] values = normals(80);
        values[55] = Float.NaN;
        TestTensors.fill(engine, logits.mine, values);
        engine.kernels().softmaxStatistics(logits.mine, labels.mine, 0, sums.mine, picked.mine);
        assertTrue(Float.isFinite(TestTensors.read(engine, sums.mine)[0]) && Float.isNaN(TestTensors.read(engine, sums.mine)[1]));
    }

    @Test
    void sumsOfSquaresShowEverything() {
        for (int size : new int[] {1, 13, 4097, 100_000}) {
            Twin x = normalVector("x", size);
            Twin sum = vector("sum", 5);
            both((kernels, side) -> kernels.sumOfSquares(side.of(x), side.of(sum), Write.ACCUMULATE));
            sum.checkRelative("accumulated", 4);
            both((kernels, side) -> kernels.sumOfSquares(side.of(x), side.of(sum), Write.OVERWRITE));
            sum.checkRelative("overwritten", 4);
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                float[] values = normals(size);
                values[size / 2] = bad;
                Tensor wide = frame.tensor("wide", DType.F64, 1);
                engine.kernels().sumOfSquares(vector("bad", values).mine, wide, Write.OVERWRITE);
                assertTrue(!Float.isFinite(TestTensors.read(engine, wide)[0]), bad + " in " + size);
            }
        }
        Twin matrix = normal("matrix", Rows.STRIDED, 20, 33);
        Twin sum = vector("sum", Float.NaN);
        both((kernels, side) -> kernels.sumOfSquares(side.of(matrix), side.of(sum), Write.OVERWRITE));
        sum.checkRelative("strided", 4);
    }

    @Test
    void nothingIsWrittenForNoTokens() {
        Tensor none = frame.tensor("none", DType.F32, 0, 8);
        Tensor weight = normalVector("weight", 8).mine;
        Twin product = normal("product", 8, 8);
        engine.kernels().rmsNorm(none, weight, 1e-6f, frame.tensor("out", DType.F32, 0, 8), null);
        engine.kernels().matmul(none, Transpose.YES, none, Transpose.NO, product.mine, Write.ACCUMULATE);
        product.check("product of nothing, accumulated", 0);
        engine.kernels().matmul(none, Transpose.YES, none, Transpose.NO, product.mine, Write.OVERWRITE);
        assertArrayEquals(new float[64], TestTensors.read(engine, product.mine));
        TokenLayout layout = wholeDocuments().mine();
        engine.kernels().attention(none, none, none, new AttentionShape(1, 1, 8, 8, 1), layout, layout, frame.tensor("out", DType.F32, 0, 8), null);
    }

    @Test
    void theSameCallGivesTheSameBits() {
        Twin x = normal("x", 70, 96);
        LayoutTwin layout = wholeDocuments(70);
        AttentionShape shape = new AttentionShape(4, 4, 8, 8, 0.3f);
        byte[][] runs = new byte[2][];
        for (int run = 0; run < 400; run++) {
            Tensor out = x.mine.columns(64, 32);
            engine.kernels().attention(x.mine.columns(0, 32), x.mine.columns(32, 32), x.mine.columns(0, 32), shape, layout.mine(), layout.mine(), out, null);
            runs[run == 0 ? 0 : 1] = bits(x.mine);
            assertArrayEquals(runs[0], runs[run == 0 ? 0 : 1], "run " + run);
        }
    }

    @Test
    void mistakesNameTheKernelAndTheTensors() {
        Twin a = normal("a", 4, 6);
        Twin b = normal("b", 5, 6);
        Tensor half = TestTensors.of(engine, frame, "half", DType.F16, new long[] {4, 6}, new float[24]);
        Kernels kernels = engine.kernels();
        mistake("matmul: inner sizes differ: a F32[4, 6] NO times b F32[5, 6] NO",
                () -> kernels.matmul(a.mine, Transpose.NO, b.mine, Transpose.NO, a.mine, Write.OVERWRITE));
        mistake("shares", () -> kernels.matmul(a.mine, Transpose.NO, b.mine, Transpose.YES, a.mine.columns(0, 5), Write.OVERWRITE));
        mistake("all or nothing", () -> kernels.add(a.mine.rows(0, 3), a.mine.rows(0, 3), a.mine.rows(1, 3)));
        kernels.add(a.mine.columns(0, 3), a.mine.columns(0, 3), a.mine.columns(3, 3));
        mistake("half", () -> kernels.add(a.mine, half, a.mine));
        if (!engine.supports(DType.F16)) {
            mistake("stores F16 but does not compute with it", () -> kernels.scale(half, 2));
        }
        mistake("expected shape [6]", () -> kernels.addBias(a.mine, normalVector("bias", 5).mine));
        mistake("expected shape [5]", () -> kernels.linear(a.mine, b.mine, normalVector("bias", 4).mine, normal("out", 4, 5).mine));
        assertThrows(IllegalArgumentException.class, () -> layout(new int[] {0, 0}, new int[] {1, 1}));
        assertThrows(IllegalArgumentException.class, () -> layout(new int[] {1, 0}, new int[] {0, 0}));
        assertThrows(IllegalArgumentException.class, () -> engine.write(a.mine, java.nio.ByteBuffer.allocate(5)));
    }

    private static void mistake(String part, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(IllegalStateException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }
}
