package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.kernels.TestTensors;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which masks of cuDNN's a call's layouts are. */
class DocumentBatchTest {

    private final ReferenceEngine engine = new ReferenceEngine();
    private final StackArena arena = StackArena.growing("layouts", engine.memory(), 1 << 16);
    private final Arena.Frame frame = arena.open("layouts");
    private final DocumentBatch batch = new DocumentBatch();

    @AfterEach
    void close() {
        frame.close();
        arena.close();
        engine.close();
    }

    private TokenLayout layout(int[] documents, int... positions) {
        return TestTensors.layout(engine, frame, documents, positions);
    }

    private void expect(TokenLayout queries, TokenLayout keys, boolean sameTokens, boolean allSeen) {
        batch.of(queries, keys);
        assertEquals(sameTokens, batch.sameTokens(), "same tokens");
        assertEquals(allSeen, batch.allSeen(), "all seen");
    }

    /** The chunks of a rank, with what other ranks have left out. */
    @Test
    void tokensMeetThemselvesWhereverTheyStood() {
        TokenLayout chunks = layout(new int[] {3, 3, 3, 3}, 4, 5, 12, 13);
        expect(chunks, chunks, true, false);
        expect(chunks, layout(new int[] {3, 3, 3, 3}, 4, 5, 12, 13), true, false);
        expect(chunks, layout(new int[] {3, 3, 3, 3}, 4, 5, 11, 13), false, false);
        expect(chunks, layout(new int[] {3, 3, 4, 4}, 4, 5, 12, 13), false, false);
    }

    @Test
    void keysThatComeBeforeAllQueriesAreAllSeen() {
        TokenLayout queries = layout(new int[] {1, 1, 6}, 7, 8, 3);
        expect(queries, layout(new int[] {1, 6, 6}, 7, 1, 3), false, true);
        // The second document's last key is behind its query.
        expect(queries, layout(new int[] {1, 6, 6}, 7, 1, 4), false, false);
        // A document is in one of them only.
        expect(queries, layout(new int[] {1, 5}, 2, 0), false, false);
        expect(queries, layout(new int[] {1}, 2), false, false);
    }

    @Test
    void documentsAreEqualWhereBothSidesAre() {
        TokenLayout pairs = layout(new int[] {0, 0, 2, 2}, 5, 6, 8, 9);
        assertTrue(batch.of(pairs, layout(new int[] {0, 0, 0, 2, 2, 2}, 0, 1, 2, 0, 1, 2)).equal());
        assertFalse(batch.of(pairs, layout(new int[] {0, 0, 2}, 0, 1, 0)).equal());
        assertEquals(2, batch.documents());
    }

    private CudnnAttentionKey fitted(TokenLayout queries, TokenLayout keys) {
        CudnnAttentionKey key = new CudnnAttentionKey();
        key.fit(batch.of(queries, keys));
        return key;
    }

    private TokenLayout tokens(int first, int count) {
        return layout(new int[count], IntStream.range(first, first + count).toArray());
    }

    /** A document across the border of two ranks has other numbers of tokens on each side every time. */
    @Test
    void fewPlansServeDocumentsAcrossBorders() {
        CudnnAttentionKey plan = fitted(tokens(1500, 270), tokens(0, 1030));
        assertEquals(plan, fitted(tokens(2047, 511), tokens(0, 2047)));
        assertEquals(List.of(512, 512, 2048, 2048), List.of(plan.length, plan.total, plan.keyLength, plan.keyTotal));
        assertNotEquals(plan, fitted(tokens(1500, 513), tokens(0, 1030)));
        CudnnAttentionKey dense = fitted(tokens(1152, 384), tokens(0, 1152));
        assertEquals(List.of(0, 384, 1152), List.of(dense.total, dense.length, dense.keyLength), "multiples of 128 are dense");
    }

    @Test
    void packedRowsKeepTheirTokens() {
        TokenLayout row = layout(IntStream.range(0, 1200).map(t -> t / 700).toArray(), IntStream.range(0, 1200).map(t -> t % 700).toArray());
        CudnnAttentionKey plan = fitted(row, row);
        assertEquals(List.of(2, 1024, 1280, 1024, 1280), List.of(plan.batch, plan.length, plan.total, plan.keyLength, plan.keyTotal));
        assertTrue(plan.causal);
    }
}
