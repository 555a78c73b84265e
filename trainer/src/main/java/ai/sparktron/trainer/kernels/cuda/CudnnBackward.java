package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.cuda.CudnnGraph.Operand;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;

/**
 * The gradient of attention as one plan of cuDNN. Its order: delta = sum of dO O over a head; P = exp(scores - log of sums); dV = P^T dO;
 * dS = P (dO V^T - delta) scale; dK = dS^T Q; dQ = dS K. Where queries are grouped, dV and dK of all query heads are added up afterwards.
 *
 * <p>Unless asked to be deterministic, dQ is summed up in float32 memory by atomic additions, in any order. On Hopper the deterministic way keeps all of dS in its
 * workspace: 2 B H S S bytes.
 */
final class CudnnBackward implements AutoCloseable {

    private static final long ALIGNMENT_BYTES = 256;

    private final CudnnPlan plan;
    private final CudnnAttentionGraph parts;
    /** Indexes in the order of {@link CudnnGradientOperands}. */
    private final int[] inputs;
    private final int[] gradients;
    private final int dOut;
    private final int sums;
    private final int delta;
    private final long deltaBytes;
    /** Index of the float32 dQ, or -1, and of dK and dV of all query heads. */
    private int queryTotals = -1;
    private long queryTotalsBytes;
    private int keysOfAllHeads = -1;
    private long keysOfAllHeadsBytes;
    private int valuesOfAllHeads = -1;
    private long valuesOfAllHeadsBytes;
    private final CudnnOffsets.Slots slots;

    private Operand totals;
    private Operand fullKeys;
    private Operand fullValues;

    /**
     * @throws CudaException         when cuDNN has no engine for it
     * @throws IllegalStateException when gradients of packed documents do not lie as their tensors do
     */
    CudnnBackward(CudnnAttentionKey key, CudnnPlan.Target target) {
        if (key.packed() && (key.dqStride != key.qStride || key.dkStride != key.kStride || key.dvStride != key.vStride || key.dOutStride != key.outStride)) {
            throw new IllegalStateException("gradients that do not lie as their tensors do: " + key + "; cuDNN would write them elsewhere");
        }
        this.parts = new CudnnAttentionGraph(key, true);
        CudnnGraph graph = parts.graph;
        Operand out = parts.ofQueries("out", key.valueSize, key.outStride, parts.outOffsets);
        Operand dOut = parts.ofQueries("dOut", key.valueSize, key.dOutStride, parts.outOffsets);
        Operand sums = parts.sums("log of sums");
        Operand dq = parts.ofQueries("dq", key.keySize, key.dqStride, parts.qOffsets);
        Operand dk = parts.ofKeys("dk", key.keySize, key.dkStride, parts.kOffsets);
        Operand dv = parts.ofKeys("dv", key.valueSize, key.dvStride, parts.vOffsets);

        Operand deltas = delta(out, dOut);
        Operand weights = weights(sums);
        valueGradient(weights, dOut, dv);
        Operand dScores = scoreGradient(weights, dOut, deltas);
        keyGradient(dScores, dk);
        queryGradient(dScores, dq);

        this.plan = new CudnnPlan(graph, target);
        this.inputs = new int[] {plan.index(parts.q), plan.index(parts.k), plan.index(parts.v), plan.index(out)};
        this.dOut = plan.index(dOut);
        this.sums = plan.index(sums);
        this.gradients = new int[] {plan.index(dq), plan.index(dk), plan.index(dv)};
        this.delta = plan.index(deltas);
        long tokens = key.packed() ? key.total : (long) key.batch * key.length;
        this.deltaBytes = tokens * key.heads * Float.BYTES;
        measure(key, tokens);
        this.slots = key.packed() ? new CudnnOffsets.Slots(plan, parts) : null;
    }

    private void measure(CudnnAttentionKey key, long tokens) {
        if (totals != null) {
            queryTotals = plan.index(totals);
            queryTotalsBytes = tokens * (key.packed() ? key.dqStride : (long) key.heads * key.keySize) * Float.BYTES;
        }
        int group = key.heads / key.kvHeads;
        if (fullKeys != null && key.packed()) {
            keysOfAllHeads = plan.index(fullKeys);
            keysOfAllHeadsBytes = key.keyTotal * key.dkStride * group * Float.BYTES;
            valuesOfAllHeads = plan.index(fullValues);
            valuesOfAllHeadsBytes = key.keyTotal * key.dvStride * group * Float.BYTES;
        }
    }

    private Operand delta(Operand out, Operand dOut) {
        CudnnAttentionKey key = parts.key;
        CudnnGraph graph = parts.graph;
        Operand product = graph.virtual("dOut out", CudnnGraph.FLOAT, out.dimensions(), new long[] {(long) key.heads * key.length * key.valueSize,
            (long) key.length * key.valueSize, (long) key.heads * key.valueSize, 1});
        graph.each("dOut out", cudnn.CUDNN_POINTWISE_MUL, CudnnGraph.FLOAT, product, dOut, out);
        Operand sum = graph.reduce("sum of dOut out", cudnn.CUDNN_REDUCE_TENSOR_ADD, product, parts.rowVirtual("sum of dOut out"));
        long[] dimensions = {key.batch, key.heads, key.length, 1};
        Operand deltas = key.packed()
                ? graph.tensor("delta", CudnnGraph.FLOAT, dimensions, new long[] {(long) key.length * key.heads, 1, key.heads, 1}, parts.sumsOffsets)
                : graph.tensor("delta", CudnnGraph.FLOAT, dimensions, new long[] {(long) key.heads * key.length, key.length, 1, 1});
        return graph.each("delta", cudnn.CUDNN_POINTWISE_MUL, CudnnGraph.FLOAT, deltas, sum, graph.scalar("one", 1));
    }

    private Operand weights(Operand sums) {
        CudnnGraph graph = parts.graph;
        Operand lowered = graph.each("lowered", cudnn.CUDNN_POINTWISE_SUB, parts.scores(), sums);
        return graph.each("weights", cudnn.CUDNN_POINTWISE_EXP, parts.causal(lowered));
    }

    private void valueGradient(Operand weights, Operand dOut, Operand dv) {
        Operand transposed = parts.pairsTransposed("weights of keys", weights);
        if (!parts.key.grouped()) {
            parts.graph.product("dv", transposed, dOut, parts.keysOverQueries(), dv);
            return;
        }
        fullValues = ofAllHeads("dv of all heads", parts.key.valueSize, parts.key.dvStride, parts.vOffsets);
        parts.graph.product("dv", transposed, dOut, parts.keysOverQueries(), fullValues);
        parts.graph.reduce("dv of groups", cudnn.CUDNN_REDUCE_TENSOR_ADD, fullValues, dv);
    }

    /** Memory with the offsets of the grouped tensor, which cuDNN multiplies by the queries of a group, as the strides say. */
    private Operand ofAllHeads(String name, int columns, long stride, Operand offsets) {
        CudnnAttentionKey key = parts.key;
        long group = key.heads / key.kvHeads;
        long[] dimensions = {key.batch, key.heads, key.keyLength, columns};
        return key.packed() ? parts.graph.tensor(name, parts.type, dimensions, new long[] {key.keyLength * stride * group, columns, stride * group, 1}, offsets)
                : parts.graph.virtual(name, parts.type, dimensions, new long[] {(long) key.heads * key.keyLength * columns, (long) key.keyLength * columns, columns, 1});
    }

    private Operand scoreGradient(Operand weights, Operand dOut, Operand deltas) {
        CudnnGraph graph = parts.graph;
        Operand dWeights = parts.pairs("dOut values");
        graph.product("dOut values", dOut, parts.v, parts.queriesByKeys(), dWeights);
        Operand lowered = graph.each("less delta", cudnn.CUDNN_POINTWISE_SUB, dWeights, deltas);
        Operand weighted = graph.each("weighted", cudnn.CUDNN_POINTWISE_MUL, lowered, weights);
        return graph.each("dScores", cudnn.CUDNN_POINTWISE_MUL, weighted, parts.scale);
    }

    private void keyGradient(Operand dScores, Operand dk) {
        Operand transposed = parts.pairsTransposed("dScores of keys", dScores);
        if (!parts.key.grouped()) {
            parts.graph.product("dk", transposed, parts.q, parts.keysOverQueries(), dk);
            return;
        }
        fullKeys = ofAllHeads("dk of all heads", parts.key.keySize, parts.key.dkStride, parts.kOffsets);
        parts.graph.product("dk", transposed, parts.q, parts.keysOverQueries(), fullKeys);
        parts.graph.reduce("dk of groups", cudnn.CUDNN_REDUCE_TENSOR_ADD, fullKeys, dk);
    }

    private void queryGradient(Operand dScores, Operand dq) {
        CudnnAttentionKey key = parts.key;
        CudnnGraph graph = parts.graph;
        Operand keys = graph.reshape("keys", parts.k, graph.virtual("keys", parts.type, new long[] {key.batch, key.kvHeads, key.keyLength, key.keySize},
                new long[] {key.keyLength * key.kStride, key.keySize, key.kStride, 1}, parts.kOffsets));
        if (key.deterministic) {
            graph.product("dq", dScores, keys, parts.queriesOverKeys(), dq);
            return;
        }
        long[] dense = {(long) key.heads * key.length * key.keySize, (long) key.length * key.keySize, key.keySize, 1};
        totals = graph.tensor("dq in float32", CudnnGraph.FLOAT, dq.dimensions(), key.packed() ? dq.strides() : dense, parts.qOffsets);
        graph.product("dq", dScores, keys, parts.queriesOverKeys(), totals);
        graph.each("dq rounded", cudnn.CUDNN_POINTWISE_IDENTITY, CudnnGraph.FLOAT, dq, totals);
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    }

    /** Bytes of scratch of a run. */
    long workspaceBytes() {
        return aligned(plan.workspaceBytes()) + aligned(deltaBytes) + aligned(queryTotalsBytes) + aligned(keysOfAllHeadsBytes) + aligned(valuesOfAllHeadsBytes);
    }

    /** Where documents begin, for a packed plan. */
    CudnnOffsets.Slots slots() {
        return slots;
    }

    /** Enqueues the gradient of operands that are placed. @param workspace address of {@link #workspaceBytes} */
    void run(cudnnContext library, CudnnGradientOperands operands, long sumsAt, long workspace) {
        plan.at(dOut, operands.gradient(CudnnGradientOperands.OUT)).at(sums, sumsAt);
        for (int pair = 0; pair < inputs.length; pair++) {
            plan.at(inputs[pair], operands.operand(pair));
        }
        for (int pair = 0; pair < gradients.length; pair++) {
            plan.at(gradients[pair], operands.gradient(pair));
        }
        long at = workspace + aligned(plan.workspaceBytes());
        plan.at(delta, at);
        at += aligned(deltaBytes);
        if (queryTotals >= 0) {
            plan.at(queryTotals, at);
            at += aligned(queryTotalsBytes);
        }
        if (keysOfAllHeads >= 0) {
            plan.at(keysOfAllHeads, at).at(valuesOfAllHeads, at + aligned(keysOfAllHeadsBytes));
        }
        plan.run(library, workspace);
    }

    @Override
    public void close() {
        plan.close();
    }
}
