package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.trainer.tensor.DType;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention and its gradient as {@link Kernels} promises them. */
abstract class AttentionContract extends ContinuationContract {

    private static final int KEY_SIZE = 0;
    private static final int VALUE_SIZE = 1;

    /** Heads, key/value heads, sizes of key and value heads, documents of queries and keys with their positions. */
    static Stream<Arguments> cases() {
        int[] mixed = {1, 13, 2, 66, 25, 100};
        return Stream.of(
                Arguments.of("one token", 1, 1, new int[] {4, 4}, new int[] {1}),
                Arguments.of("packed documents", 3, 3, new int[] {8, 8}, mixed),
                Arguments.of("grouped queries", 6, 2, new int[] {16, 16}, mixed),
                Arguments.of("latent sizes", 2, 1, new int[] {24, 16}, mixed),
                Arguments.of("several key tiles", 2, 1, new int[] {8, 12}, new int[] {5, 1300}),
                Arguments.of("odd sizes", 1, 1, new int[] {7, 5}, new int[] {207, 3}));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void wholeDocumentsForwardAndBackward(String name, int heads, int kvHeads, int[] sizes, int[] lengths) {
        LayoutTwin layout = wholeDocuments(lengths);
        compare(new AttentionShape(heads, kvHeads, sizes[KEY_SIZE], sizes[VALUE_SIZE], 0.3f), layout, layout, Rows.PLAIN, Write.OVERWRITE);
    }

    @Test
    void columnsOfAFusedProjectionAndAccumulation() {
        LayoutTwin layout = wholeDocuments(30, 71);
        compare(new AttentionShape(4, 2, 8, 8, 0.35f), layout, layout, Rows.STRIDED, Write.ACCUMULATE);
        compare(new AttentionShape(4, 2, 8, 8, 0.35f), layout, layout, Rows.STRIDED, Write.OVERWRITE);
    }

    /** Two of the four chunks of a row against all keys, as a rank of context parallelism has them: head and tail. */
    @Test
    void headAndTailChunksAgainstGatheredKeys() {
        int[] documents = new int[80];
        int[] positions = new int[80];
        for (int t = 0; t < 80; t++) {
            documents[t] = t < 33 ? 0 : 1;
            positions[t] = t < 33 ? t : t - 33;
        }
        int[] mine = java.util.stream.IntStream.concat(java.util.stream.IntStream.range(0, 20), java.util.stream.IntStream.range(60, 80)).toArray();
        LayoutTwin queries = layout(pick(documents, mine), pick(positions, mine));
        compare(new AttentionShape(4, 2, 8, 6, 0.3f), queries, layout(documents, positions), Rows.PLAIN, Write.ACCUMULATE);
    }

    /** New tokens of three sequences against a cache; one sequence has no cached keys, one has keys that lie ahead of the query. */
    @Test
    void newTokensAgainstACache() {
        LayoutTwin queries = layout(new int[] {0, 2, 2, 5, 7}, new int[] {9, 4, 5, 0, 2});
        LayoutTwin keys = layout(new int[] {0, 0, 0, 1, 1, 2, 2, 2, 2, 7, 7, 7}, new int[] {7, 8, 9, 0, 1, 2, 3, 4, 5, 3, 4, 5});
        compare(new AttentionShape(2, 2, 8, 8, 1), queries, keys, Rows.PLAIN, Write.OVERWRITE);
        Twin logSumExp = twinOf(5, 2);
        Twin out = twinOf(5, 16);
        Twin q = normal("q", 5, 16);
        Twin k = normal("k", 12, 16);
        Twin v = normal("v", 12, 16);
        both((kernels, side) -> kernels.attention(side.of(q), side.of(k), side.of(v), new AttentionShape(2, 2, 8, 8, 1), side.of(queries),
                side.of(keys), side.of(out), side.of(logSumExp)));
        float[] sums = TestTensors.read(engine, logSumExp.mine);
        assertEquals(Float.NEGATIVE_INFINITY, sums[3 * 2], "document 5 has no keys");
        assertEquals(Float.NEGATIVE_INFINITY, sums[4 * 2 + 1], "document 7 has keys ahead of the query only");
        assertArrayEquals(new float[32], java.util.Arrays.copyOfRange(TestTensors.read(engine, out.mine), 48, 80));
    }

    private Twin twinOf(int rows, int columns) {
        return normal("old", rows, columns);
    }

    /** Large scores must not overflow, and only differences count. */
    @Test
    void largeScores() {
        LayoutTwin layout = wholeDocuments(40);
        compare(new AttentionShape(1, 1, 16, 16, 40), layout, layout, Rows.PLAIN, Write.OVERWRITE, 4e-4);
    }

    /** A part of the keys with the log-sum over all of them gives its share: the shares of both parts add up to the whole (ring attention). */
    @Test
    void sharesOfTwoPartsAddUp() {
        AttentionShape shape = new AttentionShape(2, 1, 8, 8, 0.3f);
        LayoutTwin all = wholeDocuments(50);
        int[] second = java.util.stream.IntStream.range(20, 50).toArray();
        LayoutTwin firstKeys = wholeDocuments(20);
        LayoutTwin secondKeys = layout(new int[30], second);
        Twin q = normal("q", 50, 16);
        Twin k = normal("k", 50, 8);
        Twin v = normal("v", 50, 8);
        Twin dOut = normal("dOut", 50, 16);
        Twin out = twinOf(50, 16);
        Twin sums = twinOf(50, 2);
        Twin dq = twinOf(50, 16);
        Twin dk = twinOf(50, 8);
        Twin dv = twinOf(50, 8);
        both((kernels, side) -> kernels.attention(side.of(q), side.of(k), side.of(v), shape, side.of(all), side.of(all), side.of(out), side.of(sums)));
        Kernels mine = engine.kernels();
        mine.fill(dq.mine, 0);
        mine.fill(dk.mine, 0);
        mine.fill(dv.mine, 0);
        mine.attentionGrad(dOut.mine, q.mine, k.mine.rows(0, 20), v.mine.rows(0, 20), out.mine, sums.mine, shape, all.mine(), firstKeys.mine(), dq.mine,
                dk.mine.rows(0, 20), dv.mine.rows(0, 20), Write.ACCUMULATE);
        mine.attentionGrad(dOut.mine, q.mine, k.mine.rows(20, 30), v.mine.rows(20, 30), out.mine, sums.mine, shape, all.mine(), secondKeys.mine(), dq.mine,
                dk.mine.rows(20, 30), dv.mine.rows(20, 30), Write.ACCUMULATE);
        reference.kernels().attentionGrad(dOut.expected, q.expected, k.expected, v.expected, out.expected, sums.expected, shape, all.expected(),
                all.expected(), dq.expected, dk.expected, dv.expected, Write.OVERWRITE);
        dq.checkRelative("dq", 100);
        dk.checkRelative("dk", 100);
        dv.checkRelative("dv", 100);
    }

    /** Attention to a first and a second part of the keys, joined, is attention to all of them; some queries see one part, some neither. */
    @Test
    void attentionToTwoPartsIsJoined() {
        AttentionShape shape = new AttentionShape(4, 2, 8, 6, 0.4f);
        LayoutTwin queries = layout(new int[] {0, 0, 1, 2, 2, 3}, new int[] {4, 9, 0, 1, 30, 7});
        LayoutTwin first = layout(new int[] {0, 0, 0, 2, 2}, new int[] {1, 2, 6, 0, 1});
        LayoutTwin second = layout(new int[] {0, 0, 1, 2, 4}, new int[] {7, 8, 0, 20, 0});
        LayoutTwin both = layout(new int[] {0, 0, 0, 0, 0, 1, 2, 2, 2, 4}, new int[] {1, 2, 6, 7, 8, 0, 0, 1, 20, 0});
        int[] ofFirst = {0, 1, 2, 6, 7};
        int[] ofSecond = {3, 4, 5, 8, 9};
        for (Rows rows : Rows.values()) {
            float[] k = normals(10 * 16);
            float[] v = normals(10 * 12);
            Twin q = normal("q", rows, 6, 32);
            Twin out = normal("out", rows, 6, 24);
            Twin sums = normal("sums", 6, 4);
            Twin partOut = normal("partOut", rows, 6, 24);
            Twin partSums = normal("partSums", 6, 4);
            attend(q, pick(k, 16, ofFirst), pick(v, 12, ofFirst), shape, queries, first, out, sums);
            attend(q, pick(k, 16, ofSecond), pick(v, 12, ofSecond), shape, queries, second, partOut, partSums);
            both((kernels, side) -> kernels.mergeAttention(side.of(partOut), side.of(partSums), side.of(out), side.of(sums)));
            out.check("out", 1e-6);
            sums.check("logSumExp", 1e-6);
            Twin whole = normal("whole", 6, 24);
            Twin wholeSums = normal("wholeSums", 6, 4);
            attend(q, k, v, shape, queries, both, whole, wholeSums);
            Twin joined = normal("joined", 6, 24);
            both((kernels, side) -> kernels.copy(side.of(out), side.of(joined)));
            assertArrayEquals(TestTensors.read(engine, whole.mine), TestTensors.read(engine, joined.mine), 1e-6f);
            assertArrayEquals(TestTensors.read(engine, wholeSums.mine), TestTensors.read(engine, sums.mine), 1e-6f);
        }
    }

    private void attend(Twin q, float[] k, float[] v, AttentionShape shape, LayoutTwin queries, LayoutTwin keys, Twin out, Twin sums) {
        Twin keyTwin = twin("k", DType.F32, Rows.PLAIN, keys.mine().tokens(), 16, k);
        Twin valueTwin = twin("v", DType.F32, Rows.PLAIN, keys.mine().tokens(), 12, v);
        both((kernels, side) -> kernels.attention(side.of(q), side.of(keyTwin), side.of(valueTwin), shape, side.of(queries), side.of(keys), side.of(out),
                side.of(sums)));
    }

    private static float[] pick(float[] values, int columns, int[] rows) {
        float[] picked = new float[rows.length * columns];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(values, rows[i] * columns, picked, i * columns, columns);
        }
        return picked;
    }

    private void compare(AttentionShape shape, LayoutTwin queries, LayoutTwin keys, Rows rows, Write write) {
        compare(shape, queries, keys, rows, write, 3e-5);
    }

    private void compare(AttentionShape shape, LayoutTwin queries, LayoutTwin keys, Rows rows, Write write, double tolerance) {
        int tq = queries.mine().tokens();
        int tk = keys.mine().tokens();
        Twin q = normal("q", rows, tq, shape.heads() * shape.keySize());
        Twin k = normal("k", rows, tk, shape.kvHeads() * shape.keySize());
        Twin v = normal("v", rows, tk, shape.kvHeads() * shape.valueSize());
        Twin out = normal("out", rows, tq, shape.heads() * shape.valueSize());
        Twin withoutSums = normal("withoutSums", rows, tq, shape.heads() * shape.valueSize());
        Twin sums = normal("logSumExp", tq, shape.heads());
        both((kernels, side) -> {
            kernels.attention(side.of(q), side.of(k), side.of(v), shape, side.of(queries), side.of(keys), side.of(out), side.of(sums));
            kernels.attention(side.of(q), side.of(k), side.of(v), shape, side.of(queries), side.of(keys), side.of(withoutSums), null);
        });
        out.check("out", tolerance);
        withoutSums.check("out without sums", tolerance);
        sums.check("logSumExp", Math.max(tolerance, 1e-6 * sums.magnitude()));
        Twin dOut = normal("dOut", rows, tq, shape.heads() * shape.valueSize());
        Twin dq = normal("dq", rows, tq, shape.heads() * shape.keySize());
        Twin dk = normal("dk", rows, tk, shape.kvHeads() * shape.keySize());
        Twin dv = normal("dv", rows, tk, shape.kvHeads() * shape.valueSize());
        both((kernels, side) -> kernels.attentionGrad(side.of(dOut), side.of(q), side.of(k), side.of(v), side.of(out), side.of(sums), shape,
                side.of(queries), side.of(keys), side.of(dq), side.of(dk), side.of(dv), write));
        dq.check("dq", tolerance * Math.max(1, dq.magnitude()));
        dk.check("dk", tolerance * Math.max(1, dk.magnitude()));
        dv.check("dv", tolerance * Math.max(1, dv.magnitude()));
    }

    private static int[] pick(int[] values, int[] indices) {
        return java.util.Arrays.stream(indices).map(i -> values[i]).toArray();
    }

    @Test
    void keysAndValuesOfLatentAttention() {
        for (Rows rows : Rows.values()) {
            for (int[] size : new int[][] {{1, 4, 4, 4}, {3, 16, 8, 16}, {2, 5, 2, 3}}) {
                AttentionShape shape = new AttentionShape(size[0], size[0], size[1] + size[2], size[3], 1);
                int heads = size[0];
                Twin up = normal("up", rows, 33, heads * (size[1] + size[3]));
                Twin rotary = normal("rotary", rows, 33, size[2]);
                Twin k = normal("k", rows, 33, heads * (size[1] + size[2]));
                Twin v = normal("v", rows, 33, heads * size[3]);
                both((kernels, side) -> kernels.latentHeads(side.of(up), side.of(rotary), shape, side.of(k), side.of(v)));
                k.check("k", 0);
                v.check("v", 0);
                both((kernels, side) -> kernels.latentHeadsGrad(side.of(k), side.of(v), shape, side.of(up), side.of(rotary)));
                up.check("dUp", 0);
                rotary.checkRelative("dRotary", heads);
            }
        }
    }
}
