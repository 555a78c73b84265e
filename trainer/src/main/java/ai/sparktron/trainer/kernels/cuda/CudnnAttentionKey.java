package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.tensor.DType;
import java.util.Arrays;

/**
 * What a plan of cuDNN's attention depends on. One of them is set again and again to look plans up, so that a call allocates nothing.
 *
 * <p>Row strides are in elements. A batch of equal documents is dense; otherwise it is packed: documents begin at offsets that a run is given, {@code batch} and
 * the lengths are the most that the plan takes, and the totals the most tokens.
 */
final class CudnnAttentionKey {

    /** Dense plans are for one length; others than these go packed, lest every length make a plan. Also, up to cuDNN 9.15.0 other lengths could fault in graphs. */
    private static final int DENSE_STEP = 128;
    private static final int LEAST_LENGTH = 128;
    private static final int LEAST_TOTAL_STEP = 256;
    private static final int DOUBLED_DOCUMENTS = 512;

    DType dtype;
    int heads;
    int kvHeads;
    int keySize;
    int valueSize;
    int scaleBits;
    int batch;
    /** Of a document's queries, and of its keys. */
    int length;
    int keyLength;
    /** Of queries and of keys; 0 for a dense batch. */
    int total;
    int keyTotal;
    /** Whether a document's n-th query sees its first n keys; otherwise all of them. */
    boolean causal;
    /** Whether no sums are made in an order that changes from run to run; of a gradient only. */
    boolean deterministic;
    long qStride;
    long kStride;
    long vStride;
    long outStride;
    long sumsStride;
    /** Of the output's gradient, or 0 for a forward plan, as the others that follow. */
    long dOutStride;
    long dqStride;
    long dkStride;
    long dvStride;

    void set(DType type, AttentionShape shape) {
        dtype = type;
        heads = shape.heads();
        kvHeads = shape.kvHeads();
        keySize = shape.keySize();
        valueSize = shape.valueSize();
        scaleBits = Float.floatToRawIntBits(shape.scale());
    }

    /** Whether a batch of documents needs no offsets. */
    static boolean isDense(DocumentBatch documents) {
        return documents.equal() && documents.longest() % DENSE_STEP == 0 && documents.longestKeys() % DENSE_STEP == 0;
    }

    /** Sets what the plan takes to what these documents need, rounded up where they are packed. */
    void fit(DocumentBatch documents) {
        boolean dense = isDense(documents);
        causal = documents.sameTokens();
        batch = dense ? documents.documents() : roundedDocuments(documents.documents());
        length = dense ? documents.longest() : roundedLength(documents.longest());
        keyLength = dense ? documents.longestKeys() : roundedLength(documents.longestKeys());
        total = dense ? 0 : roundedTotal(documents.queries().tokens());
        keyTotal = dense ? 0 : roundedTotal(documents.keys().tokens());
    }

    /** Documents that a packed plan takes. */
    private static int roundedDocuments(int count) {
        return count <= DOUBLED_DOCUMENTS ? roundedToPower(count) : (count + DOUBLED_DOCUMENTS - 1) / DOUBLED_DOCUMENTS * DOUBLED_DOCUMENTS;
    }

    /** Tokens of a document that a packed plan takes. */
    private static int roundedLength(int length) {
        return Math.max(LEAST_LENGTH, roundedToPower(length));
    }

    /**
     * Tokens in all that a packed plan takes. A row has as many every time, and an eighth more serves it; but of a document that crosses the border of two ranks' tokens
     * there are other numbers each time.
     */
    private int roundedTotal(int tokens) {
        if (!causal) {
            return roundedLength(tokens);
        }
        int step = Math.max(LEAST_TOTAL_STEP, Integer.highestOneBit(tokens) / 8);
        return (tokens + step - 1) / step * step;
    }

    private static int roundedToPower(int n) {
        return n <= 1 ? 1 : Integer.highestOneBit(n - 1) * 2;
    }

    float scale() {
        return Float.intBitsToFloat(scaleBits);
    }

    boolean packed() {
        return total > 0;
    }

    boolean grouped() {
        return heads != kvHeads;
    }

    CudnnAttentionKey copy() {
        CudnnAttentionKey copy = new CudnnAttentionKey();
        copy.dtype = dtype;
        copy.heads = heads;
        copy.kvHeads = kvHeads;
        copy.keySize = keySize;
        copy.valueSize = valueSize;
        copy.scaleBits = scaleBits;
        copy.batch = batch;
        copy.length = length;
        copy.keyLength = keyLength;
        copy.total = total;
        copy.keyTotal = keyTotal;
        copy.causal = causal;
        copy.deterministic = deterministic;
        copy.qStride = qStride;
        copy.kStride = kStride;
        copy.vStride = vStride;
        copy.outStride = outStride;
        copy.sumsStride = sumsStride;
        copy.dOutStride = dOutStride;
        copy.dqStride = dqStride;
        copy.dkStride = dkStride;
        copy.dvStride = dvStride;
        return copy;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CudnnAttentionKey key && dtype == key.dtype && heads == key.heads && kvHeads == key.kvHeads && keySize == key.keySize
                && valueSize == key.valueSize && scaleBits == key.scaleBits && batch == key.batch && length == key.length
                && keyLength == key.keyLength && total == key.total && keyTotal == key.keyTotal && causal == key.causal && deterministic == key.deterministic && qStride == key.qStride && kStride == key.kStride && vStride == key.vStride && outStride == key.outStride
                && sumsStride == key.sumsStride && dOutStride == key.dOutStride && dqStride == key.dqStride && dkStride == key.dkStride && dvStride == key.dvStride;
    }

    @Override
    public int hashCode() {
        long hash = dtype.ordinal() + (deterministic ? 16 : 0) + (causal ? 32 : 0);
        hash = hash * 31 + heads;
        hash = hash * 31 + kvHeads;
        hash = hash * 31 + keySize;
        hash = hash * 31 + valueSize;
        hash = hash * 31 + scaleBits;
        hash = hash * 31 + batch;
        hash = hash * 31 + length;
        hash = hash * 31 + keyLength;
        hash = hash * 31 + total;
        hash = hash * 31 + keyTotal;
        hash = hash * 31 + qStride + 3 * kStride + 5 * vStride + 7 * outStride + 11 * sumsStride;
        hash = hash * 31 + dOutStride + 3 * dqStride + 5 * dkStride + 7 * dvStride;
        return (int) (hash ^ hash >>> 32);
    }

    private static String lengths(int ofQueries, int ofKeys) {
        return ofQueries == ofKeys ? String.valueOf(ofQueries) : ofQueries + " and " + ofKeys;
    }

    @Override
    public String toString() {
        return (dOutStride == 0 ? "attention" : deterministic ? "deterministic gradient of attention" : "gradient of attention") + " " + dtype + ", " + heads + " heads over "
                + kvHeads + " of " + keySize + " and " + valueSize + " columns, " + (packed() ? "up to " + batch + " documents of up to " + lengths(length, keyLength) + " tokens, "
                + lengths(total, keyTotal) + " in all" : batch + " documents of " + lengths(length, keyLength) + " tokens") + (causal ? ", rows apart by " : ", not causal, rows apart by ")
                + Arrays.toString(new long[] {qStride, kStride, vStride, outStride, dOutStride, dqStride, dkStride, dvStride});
    }
}
