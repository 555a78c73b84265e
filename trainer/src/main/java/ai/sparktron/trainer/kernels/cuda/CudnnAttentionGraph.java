package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.cuda.CudnnGraph.Lengths;
import ai.sparktron.trainer.kernels.cuda.CudnnGraph.Operand;
import ai.sparktron.trainer.tensor.DType;
import org.bytedeco.cuda.global.cudnn;

/**
 * What attention and its gradient have in common as operations of cuDNN: operands, scores, masks. cuDNN recognises attention by the exact order of operations,
 * which operands are given as transposed views, what is virtual, and the types between; the order here is the one that NVIDIA's cudnn-frontend makes.
 *
 * <p>Letters: B documents, H query heads, G key/value heads, S queries and S' keys of a document, K and V columns of a key and a value head.
 */
final class CudnnAttentionGraph {

    private static final int ROWS = 2;
    private static final int COLUMNS = 3;

    final CudnnGraph graph = new CudnnGraph();
    final CudnnAttentionKey key;
    final int type;
    final Operand q;
    final Operand k;
    final Operand v;
    final Operand qOffsets;
    final Operand kOffsets;
    final Operand vOffsets;
    final Operand outOffsets;
    final Operand sumsOffsets;
    /** Tokens of each document, of queries and of keys; null for a dense batch. */
    final Operand queryLengths;
    final Operand keyLengths;
    final Operand scale;

    /** @param valuesTransposed as the gradient wants them */
    CudnnAttentionGraph(CudnnAttentionKey key, boolean valuesTransposed) {
        this.key = key;
        this.type = key.dtype == DType.BF16 ? cudnn.CUDNN_DATA_BFLOAT16 : cudnn.CUDNN_DATA_HALF;
        this.qOffsets = offsets("offsets of q");
        this.kOffsets = offsets("offsets of k");
        this.vOffsets = offsets("offsets of v");
        this.outOffsets = offsets("offsets of out");
        this.sumsOffsets = offsets("offsets of sums");
        this.queryLengths = key.packed() ? graph.tensor("lengths of queries", CudnnGraph.INTEGER, new long[] {key.batch, 1, 1, 1}, new long[] {1, 1, 1, 1}) : null;
        this.keyLengths = key.packed() ? graph.tensor("lengths of keys", CudnnGraph.INTEGER, new long[] {key.batch, 1, 1, 1}, new long[] {1, 1, 1, 1}) : null;
        this.q = ofQueries("q", key.keySize, key.qStride, qOffsets);
        this.k = transposed("k", key.keySize, key.kStride, kOffsets);
        this.v = valuesTransposed ? transposed("v", key.valueSize, key.vStride, vOffsets) : ofKeys("v", key.valueSize, key.vStride, vOffsets);
        this.scale = graph.scalar("scale", key.scale());
    }

    /** Where documents begin in a packed tensor, in elements; null for a dense batch. */
    private Operand offsets(String name) {
        return key.packed() ? graph.tensor(name, CudnnGraph.LONG, new long[] {key.batch + 1, 1, 1, 1}, new long[] {1, 1, 1, 1}) : null;
    }

    /** [B, H, S, columns] of tokens whose rows are {@code stride} apart. */
    Operand ofQueries(String name, int columns, long stride, Operand offsets) {
        return graph.tensor(name, type, new long[] {key.batch, key.heads, key.length, columns}, new long[] {key.length * stride, columns, stride, 1}, offsets);
    }

    /** [B, G, S', columns]. */
    Operand ofKeys(String name, int columns, long stride, Operand offsets) {
        return graph.tensor(name, type, new long[] {key.batch, key.kvHeads, key.keyLength, columns}, new long[] {key.keyLength * stride, columns, stride, 1}, offsets);
    }

    /** The same as [B, G, columns, S']. */
    private Operand transposed(String name, int columns, long stride, Operand offsets) {
        return graph.tensor(name, type, new long[] {key.batch, key.kvHeads, columns, key.keyLength}, new long[] {key.keyLength * stride, columns, 1, stride}, offsets);
    }

    /** A number for each query and head, [B, H, S, 1] over float32 [T, H]. */
    Operand sums(String name) {
        return graph.tensor(name, CudnnGraph.FLOAT, new long[] {key.batch, key.heads, key.length, 1},
                new long[] {key.length * key.sumsStride, 1, key.sumsStride, 1}, sumsOffsets);
    }

    /** A number for each query and head between two operations. */
    Operand rowVirtual(String name) {
        return graph.virtual(name, CudnnGraph.FLOAT, new long[] {key.batch, key.heads, key.length, 1},
                new long[] {(long) key.heads * key.length, key.length, 1, 1});
    }

    /** A number for each pair of query and key, [B, H, S, S']. */
    Operand pairs(String name) {
        long pairs = (long) key.length * key.keyLength;
        return graph.virtual(name, CudnnGraph.FLOAT, new long[] {key.batch, key.heads, key.length, key.keyLength}, new long[] {key.heads * pairs, pairs, key.keyLength, 1});
    }

    /** The transpose of {@link #pairs}, in the type of the operands, for a product. */
    Operand pairsTransposed(String name, Operand pairs) {
        long all = (long) key.length * key.keyLength;
        return graph.reshape(name, pairs, graph.virtual(name, type, new long[] {key.batch, key.heads, key.keyLength, key.length}, new long[] {key.heads * all, all, 1,
            key.keyLength}));
    }

    Lengths queriesByKeys() {
        return new Lengths(queryLengths, keyLengths, null);
    }

    Lengths queriesOverKeys() {
        return new Lengths(queryLengths, null, keyLengths);
    }

    Lengths keysOverQueries() {
        return new Lengths(keyLengths, null, queryLengths);
    }

    /** scale Q K^T, -infinity past the ends of documents. */
    Operand scores() {
        Operand product = pairs("scores");
        graph.product("scores", q, k, queriesByKeys(), product);
        Operand scaled = graph.each("scaled", cudnn.CUDNN_POINTWISE_MUL, product, scale);
        return key.packed() ? withinLengths(scaled) : scaled;
    }

    private Operand withinLengths(Operand scores) {
        Operand row = graph.index("row within length", scores, ROWS, CudnnGraph.INTEGER);
        Operand column = graph.index("column within length", scores, COLUMNS, CudnnGraph.INTEGER);
        Operand rowInside = graph.eachIn(CudnnGraph.BOOLEAN, "row inside", cudnn.CUDNN_POINTWISE_CMP_LT, row, queryLengths);
        Operand columnInside = graph.eachIn(CudnnGraph.BOOLEAN, "column inside", cudnn.CUDNN_POINTWISE_CMP_LT, column, keyLengths);
        Operand inside = graph.eachIn(CudnnGraph.BOOLEAN, "inside", cudnn.CUDNN_POINTWISE_LOGICAL_AND, rowInside, columnInside);
        return graph.each("within lengths", cudnn.CUDNN_POINTWISE_BINARY_SELECT, scores, graph.scalar("outside lengths", Float.NEGATIVE_INFINITY), inside);
    }

    /** -infinity where the key comes after the query, in a causal plan. */
    Operand causal(Operand scores) {
        if (!key.causal) {
            return scores;
        }
        Operand row = graph.index("row", scores, ROWS, CudnnGraph.FLOAT);
        Operand column = graph.index("column", scores, COLUMNS, CudnnGraph.FLOAT);
        Operand seen = graph.eachIn(CudnnGraph.BOOLEAN, "seen", cudnn.CUDNN_POINTWISE_CMP_GE, row, column);
        return graph.each("causal", cudnn.CUDNN_POINTWISE_BINARY_SELECT, scores, graph.scalar("unseen", Float.NEGATIVE_INFINITY), seen);
    }
}
