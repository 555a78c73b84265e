package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * Attention in tiles (FlashAttention, arXiv 2205.14135 and 2307.08691): per document and head, a tile of queries meets one tile of keys after the
 * other; products go through {@link Gemm}, softmax through {@link RowMath}, and only two tiles of scores are ever in memory.
 */
final class HostAttention {

    /** Queries of a tile: small enough that little of a causal triangle is computed in vain. */
    private static final int QUERIES = 64;
    /** Keys of a tile: two tiles of scores stay in the second cache. */
    private static final int KEYS = 512;
    static final long SCRATCH_BYTES = 2L * QUERIES * KEYS * Float.BYTES;

    private final RowMath math;
    private final Gemm gemm;
    private final long scores;
    private final long gradients;
    private final FloatBuffer scoreCells;
    private final FloatBuffer gradientCells;
    private final float[] row = new float[KEYS];
    private final float[] gradientRow = new float[KEYS];
    private final float[] largest = new float[QUERIES];
    private final float[] sums = new float[QUERIES];
    private float[] head = new float[0];
    private float[] headGradient = new float[0];
    private int[] visible = new int[0];

    HostAttention(RowMath math, Gemm gemm, Storage scratch) {
        this.math = math;
        this.gemm = gemm;
        long half = SCRATCH_BYTES / 2;
        this.scores = scratch.address();
        this.gradients = scratch.address() + half;
        this.scoreCells = ((ByteBuffer) scratch.view(0, half)).asFloatBuffer();
        this.gradientCells = ((ByteBuffer) scratch.view(half, half)).asFloatBuffer();
    }

    /** What is done to one tile of queries of one head: queries [from, to), keys from {@code firstKey} on, of which query i sees {@code visible[i]}. */
    private interface Tile {
        void at(int from, int to, int firstKey, int head);
    }

    /** Walks the documents of the queries in step with those of the keys. */
    private void tiles(AttentionShape shape, TokenLayout queries, TokenLayout keys, Tile tile) {
        if (visible.length < queries.tokens()) {
            visible = new int[queries.tokens()];
        }
        int keyDocument = 0;
        for (int d = 0; d + 1 < queries.starts().length; d++) {
            int from = queries.starts()[d];
            int to = queries.starts()[d + 1];
            int document = queries.hostDocuments()[from];
            while (keyDocument + 1 < keys.starts().length && keys.hostDocuments()[keys.starts()[keyDocument]] < document) {
                keyDocument++;
            }
            boolean found = keyDocument + 1 < keys.starts().length && keys.hostDocuments()[keys.starts()[keyDocument]] == document;
            int firstKey = found ? keys.starts()[keyDocument] : 0;
            countVisible(queries, from, to, keys, firstKey, found ? keys.starts()[keyDocument + 1] : 0);
            for (int h = 0; h < shape.heads(); h++) {
                for (int q = from; q < to; q += QUERIES) {
                    tile.at(q, Math.min(q + QUERIES, to), firstKey, h);
                }
            }
        }
    }

    private void countVisible(TokenLayout queries, int from, int to, TokenLayout keys, int firstKey, int lastKey) {
        int key = firstKey;
        for (int i = from; i < to; i++) {
            while (key < lastKey && keys.hostPositions()[key] <= queries.hostPositions()[i]) {
                key++;
            }
            visible[i] = key - firstKey;
        }
    }

    private void reserve(AttentionShape shape) {
        int size = Math.max(shape.keySize(), shape.valueSize());
        if (head.length < size) {
            head = new float[size];
            headGradient = new float[size];
        }
    }

    private static long address(Tensor tensor, long row, long column) {
        return tensor.address() + (row * tensor.rowStride() + column) * Float.BYTES;
    }

    void forward(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExpOrNull) {
        reserve(shape);
        HostRows results = HostRows.of(out);
        HostRows logSums = logSumExpOrNull == null ? null : HostRows.of(logSumExpOrNull);
        int group = shape.heads() / shape.kvHeads();
        int size = shape.valueSize();
        tiles(shape, queries, keys, (from, to, firstKey, h) -> {
            int rows = to - from;
            int total = visible[to - 1];
            Arrays.fill(largest, 0, rows, Float.NEGATIVE_INFINITY);
            Arrays.fill(sums, 0, rows, 0);
            for (int key = 0; key < total; key += KEYS) {
                int width = Math.min(KEYS, total - key);
                scores(q, k, shape, h, from, rows, firstKey + key, width);
                for (int i = 0; i < rows; i++) {
                    float correction = softmaxRow(i, Math.min(width, visible[from + i] - key), width);
                    if (key > 0 && correction != 1) {
                        scaleRow(results, from + i, h * size, size, correction);
                    }
                }
                gemm.multiply(Transpose.NO, Transpose.NO, rows, size, width, 1, scores, KEYS, address(v, firstKey + key, (long) (h / group) * size),
                        v.rowStride(), key == 0 ? 0 : 1, address(out, from, (long) h * size), out.rowStride());
            }
            for (int i = 0; i < rows; i++) {
                finishRow(results, logSums, from + i, i, h, size);
            }
        });
    }

    /** scores [rows, width] = scale * queries times keys. */
    private void scores(Tensor q, Tensor k, AttentionShape shape, int h, int query, int rows, int key, int width) {
        int kvHead = h / (shape.heads() / shape.kvHeads());
        gemm.multiply(Transpose.NO, Transpose.YES, rows, width, shape.keySize(), shape.scale(), address(q, query, (long) h * shape.keySize()),
                q.rowStride(), address(k, key, (long) kvHead * shape.keySize()), k.rowStride(), 0, scores, KEYS);
    }

    /** Turns scores of a row into unnormalised weights; returns what earlier sums and results of the row are to be multiplied by. */
    private float softmaxRow(int i, int seen, int width) {
        int count = Math.max(0, seen);
        float correction = 1;
        if (count > 0) {
            scoreCells.get(i * KEYS, row, 0, count);
            float before = largest[i];
            float now = Math.max(before, math.max(row, 0, count));
            if (now == Float.NEGATIVE_INFINITY) {
                count = 0;
            } else {
                correction = before == now ? 1 : (float) Math.exp(before - now);
                sums[i] = sums[i] * correction + expAndSum(count, now);
                largest[i] = now;
            }
        }
        Arrays.fill(row, count, width, 0);
        scoreCells.put(i * KEYS, row, 0, width);
        return correction;
    }

    /** Rounds the row up to whole vectors with numbers whose exponential is 0. */
    private float expAndSum(int count, float shift) {
        int padded = padded(count);
        Arrays.fill(row, count, padded, Float.NEGATIVE_INFINITY);
        return math.expAndSum(row, 0, padded, shift);
    }

    private static int padded(int count) {
        return Math.min(KEYS, (count + 15) & ~15);
    }

    private void scaleRow(HostRows results, int t, int column, int size, float factor) {
        results.load(t, column, size, head);
        for (int d = 0; d < size; d++) {
            head[d] *= factor;
        }
        results.store(t, column, size, head);
    }

    private void finishRow(HostRows results, HostRows logSumsOrNull, int t, int i, int h, int size) {
        if (sums[i] == 0) {
            Arrays.fill(head, 0, size, 0);
            results.store(t, h * size, size, head);
        } else {
            scaleRow(results, t, h * size, size, 1 / sums[i]);
        }
        if (logSumsOrNull != null) {
            logSumsOrNull.set(t, h, sums[i] == 0 ? Float.NEGATIVE_INFINITY : (float) (largest[i] + Math.log(sums[i])));
        }
    }

    /** out = (e^own out + e^part partOut) / (e^own + e^part), with the larger exponent taken out of all. */
    void merge(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        int heads = Math.toIntExact(logSumExp.columns());
        int size = Math.toIntExact(out.columns()) / heads;
        if (head.length < size) {
            head = new float[size];
            headGradient = new float[size];
        }
        HostRows results = HostRows.of(out);
        HostRows parts = HostRows.of(partOut);
        HostRows logSums = HostRows.of(logSumExp);
        HostRows partLogSums = HostRows.of(partLogSumExp);
        for (int t = 0; t < results.rows(); t++) {
            for (int h = 0; h < heads; h++) {
                float own = logSums.get(t, h);
                float part = partLogSums.get(t, h);
                float larger = Math.max(own, part);
                if (part == Float.NEGATIVE_INFINITY) {
                    continue;
                }
                double sum = Math.exp(own - larger) + Math.exp(part - larger);
                float keep = (float) (Math.exp(own - larger) / sum);
                float take = (float) (Math.exp(part - larger) / sum);
                results.load(t, h * size, size, head);
                parts.load(t, h * size, size, headGradient);
                for (int d = 0; d < size; d++) {
                    head[d] = keep * head[d] + take * headGradient[d];
                }
                results.store(t, h * size, size, head);
                logSums.set(t, h, (float) (larger + Math.log(sum)));
            }
        }
    }

    void backward(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                  TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write, HostElementwise elementwise) {
        reserve(shape);
        if (write == Write.OVERWRITE) {
            elementwise.fill(dq, 0);
            elementwise.fill(dk, 0);
            elementwise.fill(dv, 0);
        }
        HostRows results = HostRows.of(out);
        HostRows grads = HostRows.of(dOut);
        HostRows logSums = HostRows.of(logSumExp);
        tiles(shape, queries, keys, (from, to, firstKey, h) -> {
            int rows = to - from;
            int total = visible[to - 1];
            for (int i = 0; i < rows && total > 0; i++) {
                results.load(from + i, h * shape.valueSize(), shape.valueSize(), head);
                grads.load(from + i, h * shape.valueSize(), shape.valueSize(), headGradient);
                sums[i] = math.dot(head, 0, headGradient, 0, shape.valueSize());
                largest[i] = logSums.get(from + i, h);
            }
            for (int key = 0; key < total; key += KEYS) {
                int width = Math.min(KEYS, total - key);
                int kvHead = h / (shape.heads() / shape.kvHeads());
                scores(q, k, shape, h, from, rows, firstKey + key, width);
                gemm.multiply(Transpose.NO, Transpose.YES, rows, width, shape.valueSize(), 1, address(dOut, from, (long) h * shape.valueSize()),
                        dOut.rowStride(), address(v, firstKey + key, (long) kvHead * shape.valueSize()), v.rowStride(), 0, gradients, KEYS);
                for (int i = 0; i < rows; i++) {
                    softmaxGradRow(i, Math.min(width, visible[from + i] - key), width);
                }
                addProducts(q, k, dOut, shape, h, from, rows, firstKey + key, width, dq, dk, dv);
            }
        });
    }

    private void softmaxGradRow(int i, int seen, int width) {
        int count = Math.max(0, seen);
        if (count > 0) {
            int padded = padded(count);
            scoreCells.get(i * KEYS, row, 0, count);
            gradientCells.get(i * KEYS, gradientRow, 0, count);
            Arrays.fill(row, count, padded, Float.NEGATIVE_INFINITY);
            Arrays.fill(gradientRow, count, padded, 0);
            math.softmaxGrad(row, gradientRow, 0, padded, largest[i], sums[i]);
        }
        Arrays.fill(row, count, width, 0);
        Arrays.fill(gradientRow, count, width, 0);
        scoreCells.put(i * KEYS, row, 0, width);
        gradientCells.put(i * KEYS, gradientRow, 0, width);
    }

    private void addProducts(Tensor q, Tensor k, Tensor dOut, AttentionShape shape, int h, int query, int rows, int key, int width, Tensor dq,
                             Tensor dk, Tensor dv) {
        int kvHead = h / (shape.heads() / shape.kvHeads());
        long headColumn = (long) h * shape.keySize();
        long keyColumn = (long) kvHead * shape.keySize();
        long valueColumn = (long) kvHead * shape.valueSize();
        gemm.multiply(Transpose.YES, Transpose.NO, width, shape.valueSize(), rows, 1, scores, KEYS,
                address(dOut, query, (long) h * shape.valueSize()), dOut.rowStride(), 1, address(dv, key, valueColumn), dv.rowStride());
        gemm.multiply(Transpose.NO, Transpose.NO, rows, shape.keySize(), width, shape.scale(), gradients, KEYS, address(k, key, keyColumn),
                k.rowStride(), 1, address(dq, query, headColumn), dq.rowStride());
        gemm.multiply(Transpose.YES, Transpose.NO, width, shape.keySize(), rows, shape.scale(), gradients, KEYS, address(q, query, headColumn),
                q.rowStride(), 1, address(dk, key, keyColumn), dk.rowStride());
    }
}
