package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Attention in bfloat16 and float16 against float64 of the same rounded operands: queries, keys and values are columns of one projection, gradients columns of its
 * gradient, documents begin and end anywhere.
 */
abstract class HalfAttentionContract {

    private static final int GAP = 16;
    private static final float NEIGHBOUR = 5;

    private Engine engine;
    private StackArena arena;
    private Arena.Frame frame;
    private final Random random = new Random(20260102);

    /** The engine whose attention is tested. */
    abstract Engine openEngine();

    /** Whether the engine's attention makes gradients of such heads; otherwise only its output is compared. */
    boolean makesGradients(AttentionShape shape) {
        return true;
    }

    @BeforeEach
    void open() {
        engine = openEngine();
        arena = StackArena.growing("test", engine.memory(), 1 << 20);
        frame = arena.open("test");
    }

    @AfterEach
    void close() {
        frame.close();
        arena.close();
        engine.close();
    }

    static Stream<Arguments> cases() {
        int[] mixed = {1, 13, 200, 66, 25, 150};
        return Stream.of(
                Arguments.of("one document", DType.BF16, new AttentionShape(2, 2, 128, 128, 0.09f), new int[] {256}),
                Arguments.of("equal documents", DType.BF16, new AttentionShape(4, 2, 64, 64, 0.12f), new int[] {128, 128, 128}),
                Arguments.of("one document, latent attention", DType.BF16, new AttentionShape(2, 2, 192, 128, 0.07f), new int[] {256}),
                Arguments.of("packed", DType.BF16, new AttentionShape(2, 2, 128, 128, 0.09f), mixed),
                Arguments.of("packed, grouped queries", DType.BF16, new AttentionShape(6, 2, 128, 128, 0.09f), mixed),
                Arguments.of("packed, narrow heads", DType.BF16, new AttentionShape(7, 1, 64, 64, 0.12f), mixed),
                Arguments.of("float16", DType.F16, new AttentionShape(4, 1, 64, 64, 0.12f), mixed),
                Arguments.of("heads of 96", DType.BF16, new AttentionShape(2, 1, 96, 96, 0.1f), mixed),
                Arguments.of("latent attention", DType.BF16, new AttentionShape(2, 2, 192, 128, 0.07f), mixed),
                Arguments.of("wide heads", DType.BF16, new AttentionShape(2, 1, 256, 256, 0.06f), mixed));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void forwardAndBackward(String name, DType dtype, AttentionShape shape, int[] lengths) {
        TokenLayout layout = TestTensors.documents(engine, frame, lengths);
        compare(dtype, shape, layout, layout, Write.OVERWRITE);
    }

    @Test
    void accumulates() {
        TokenLayout layout = TestTensors.documents(engine, frame, 70, 130, 3);
        compare(DType.BF16, new AttentionShape(4, 2, 128, 128, 0.09f), layout, layout, Write.ACCUMULATE);
    }

    /** Rows of gradients that are further apart than those of their tensors, as behind norms of queries and keys. */
    @Test
    void gradientsThatLieUnlikeTheirTensors() {
        TokenLayout layout = TestTensors.documents(engine, frame, 40, 129, 7);
        compare(DType.BF16, new AttentionShape(2, 2, 64, 64, 0.12f), layout, layout, Write.OVERWRITE, 3 * GAP, DType.BF16);
        compare(DType.BF16, new AttentionShape(4, 2, 64, 64, 0.12f), layout, layout, Write.OVERWRITE, 3 * GAP, DType.BF16);
    }

    /** Parts of documents that are not from their beginning or have a gap, as a rank of context parallelism has its own queries and keys. */
    @Test
    void partsOfDocumentsAgainstThemselves() {
        TokenLayout gap = layout(new int[] {3, 3}, new int[] {64, 300}, new int[] {128, 128});
        compare(DType.BF16, new AttentionShape(4, 2, 64, 64, 0.12f), gap, gap, Write.OVERWRITE);
        TokenLayout packed = layout(new int[] {0, 0, 2, 5}, new int[] {9, 70, 0, 33}, new int[] {40, 55, 61, 130});
        compare(DType.BF16, new AttentionShape(2, 2, 128, 128, 0.09f), packed, packed, Write.OVERWRITE);
        TokenLayout copy = layout(new int[] {0, 0, 2, 5}, new int[] {9, 70, 0, 33}, new int[] {40, 55, 61, 130});
        compare(DType.BF16, new AttentionShape(4, 2, 64, 64, 0.12f), packed, copy, Write.ACCUMULATE);
    }

    /** All keys of each document come before its queries, as a ring's own queries meet the keys of other ranks. */
    @Test
    void laterTokensAgainstEarlierOnes() {
        TokenLayout queries = layout(new int[] {4}, new int[] {384}, new int[] {128});
        TokenLayout keys = layout(new int[] {4}, new int[] {0}, new int[] {384});
        compare(DType.BF16, new AttentionShape(4, 2, 64, 64, 0.12f), queries, keys, Write.OVERWRITE);
        compare(DType.BF16, new AttentionShape(2, 2, 192, 128, 0.07f), queries, keys, Write.OVERWRITE, DType.F32);
        TokenLayout many = layout(new int[] {4, 4}, new int[] {200, 700}, new int[] {150, 123});
        TokenLayout few = layout(new int[] {4}, new int[] {13}, new int[] {77});
        compare(DType.BF16, new AttentionShape(6, 2, 128, 128, 0.09f), many, few, Write.OVERWRITE);
        compare(DType.F16, new AttentionShape(2, 2, 64, 64, 0.12f), many, few, Write.ACCUMULATE);
        TokenLayout later = layout(new int[] {0, 2, 7}, new int[] {90, 61, 200}, new int[] {33, 100, 64});
        TokenLayout earlier = layout(new int[] {0, 2, 7}, new int[] {1, 0, 30}, new int[] {88, 20, 140});
        compare(DType.BF16, new AttentionShape(4, 1, 128, 128, 0.09f), later, earlier, Write.OVERWRITE, DType.F32);
    }

    @Test
    void resultsInFloat32() {
        TokenLayout layout = TestTensors.documents(engine, frame, 128, 128);
        compare(DType.BF16, new AttentionShape(4, 2, 64, 64, 0.12f), layout, layout, Write.OVERWRITE, DType.F32);
        TokenLayout packed = TestTensors.documents(engine, frame, 40, 129, 7);
        compare(DType.BF16, new AttentionShape(4, 2, 128, 128, 0.09f), packed, packed, Write.OVERWRITE, DType.F32);
        compare(DType.F16, new AttentionShape(2, 2, 64, 64, 0.12f), packed, packed, Write.ACCUMULATE, DType.F32);
    }

    /** Parts of documents: their numbers, first positions and lengths; a number may come again, further on in the document. */
    final TokenLayout layout(int[] documents, int[] firstPositions, int[] lengths) {
        int tokens = Arrays.stream(lengths).sum();
        int[] documentOf = new int[tokens];
        int[] positionOf = new int[tokens];
        for (int d = 0, t = 0; d < documents.length; d++) {
            for (int i = 0; i < lengths[d]; i++, t++) {
                documentOf[t] = documents[d];
                positionOf[t] = firstPositions[d] + i;
            }
        }
        return TestTensors.layout(engine, frame, documentOf, positionOf);
    }

    /** Compares out, log-sum-exp and gradients that lie as their tensors do. */
    final void compare(DType dtype, AttentionShape shape, TokenLayout queries, TokenLayout keys, Write write) {
        compare(dtype, shape, queries, keys, write, GAP, dtype);
    }

    private void compare(DType dtype, AttentionShape shape, TokenLayout queries, TokenLayout keys, Write write, DType results) {
        compare(dtype, shape, queries, keys, write, GAP, results);
    }

    /** What lies in the gap beside the gradients must stay. */
    private void compare(DType dtype, AttentionShape shape, TokenLayout queries, TokenLayout keys, Write write, int gap, DType results) {
        int queryColumns = shape.heads() * shape.keySize();
        int keyColumns = shape.kvHeads() * shape.keySize();
        int valueColumns = shape.kvHeads() * shape.valueSize();
        int outColumns = shape.heads() * shape.valueSize();
        Tensor q = operand("q", dtype, queries.tokens(), queryColumns + GAP).columns(0, queryColumns);
        Tensor merged = operand("k and v", dtype, keys.tokens(), keyColumns + valueColumns + GAP);
        Tensor k = merged.columns(0, keyColumns);
        Tensor v = merged.columns(keyColumns, valueColumns);
        Tensor dOut = operand("dOut", dtype, queries.tokens(), outColumns);
        Tensor out = frame.tensor("out", dtype, queries.tokens(), outColumns);
        Tensor sums = frame.tensor("sums", DType.F32, queries.tokens(), shape.heads());
        Kernels kernels = engine.kernels();
        kernels.attention(q, k, v, shape, queries, keys, out, sums);
        AttentionOracle oracle = AttentionOracle.of(shape, queries, keys, values(q), values(k), values(v));
        double tolerance = dtype == DType.BF16 ? 1e-2 : 2e-3;
        close("out", oracle.out(), values(out), tolerance, 0);
        close("sums", oracle.sums(), values(sums), 1e-4, 0);
        if (results != dtype) {
            Tensor wide = frame.tensor("out in " + results, results, queries.tokens(), outColumns);
            kernels.attention(q, k, v, shape, queries, keys, wide, null);
            close(wide.name(), oracle.out(), values(wide), tolerance, 0);
        }
        if (!makesGradients(shape)) {
            return;
        }
        Tensor dqWide = filled("dq", results, queries.tokens(), queryColumns + gap);
        Tensor dkWide = filled("dk and dv", results, keys.tokens(), keyColumns + valueColumns + gap);
        kernels.attentionGrad(dOut, q, k, v, out, sums, shape, queries, keys, dqWide.columns(0, queryColumns), dkWide.columns(0, keyColumns),
                dkWide.columns(keyColumns, valueColumns), write);

        double[][] gradients = oracle.backward(values(dOut));
        float before = write == Write.ACCUMULATE ? NEIGHBOUR : 0;
        close("dq", gradients[0], values(dqWide.columns(0, queryColumns)), tolerance, before);
        close("dk", gradients[1], values(dkWide.columns(0, keyColumns)), tolerance, before);
        close("dv", gradients[2], values(dkWide.columns(keyColumns, valueColumns)), tolerance, before);
        untouched(dqWide.columns(queryColumns, gap));
        untouched(dkWide.columns(keyColumns + valueColumns, gap));
    }

    private Tensor operand(String name, DType dtype, int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return TestTensors.of(engine, frame, name, dtype, new long[] {rows, columns}, values);
    }

    private Tensor filled(String name, DType dtype, int rows, int columns) {
        float[] values = new float[rows * columns];
        Arrays.fill(values, NEIGHBOUR);
        return TestTensors.of(engine, frame, name, dtype, new long[] {rows, columns}, values);
    }

    private float[] values(Tensor tensor) {
        if (tensor.isContiguous()) {
            return TestTensors.read(engine, tensor);
        }
        Tensor copy = frame.tensor("copy", tensor.dtype(), tensor.rows(), tensor.columns());
        engine.kernels().copy(tensor, copy);
        return TestTensors.read(engine, copy);
    }

    private void untouched(Tensor gap) {
        float[] expected = new float[(int) gap.elements()];
        Arrays.fill(expected, NEIGHBOUR);
        assertArrayEquals(expected, values(gap), "columns beside a gradient");
    }

    /** The norm of the difference, and no single number far off; {@code before} was there and is added to, which rounds once more. */
    private static void close(String what, double[] expected, float[] actual, double tolerance, float before) {
        double difference = 0;
        double norm = 0;
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            if (Double.isInfinite(expected[i])) {
                assertTrue(actual[i] == expected[i], what + " " + i + ": " + actual[i] + ", expected " + expected[i]);
                continue;
            }
            double wanted = expected[i] + before;
            double error = Math.abs(actual[i] - wanted);
            assertTrue(error < 1e30, what + " " + i + " is " + actual[i] + ", expected " + wanted);
            difference += error * error;
            norm += wanted * wanted;
            worst = Math.max(worst, error);
            largest = Math.max(largest, Math.abs(wanted));
        }
        double relative = Math.sqrt(difference / Math.max(norm, 1e-30));
        double worstError = worst;
        double most = 5 * tolerance * Math.max(1, largest);
        assertTrue(relative <= tolerance && worst <= most, () -> what + ": the difference's norm is " + relative + " of the expected one's, at most " + tolerance
                + " was expected; the largest difference is " + worstError + ", at most " + most);
    }
}
