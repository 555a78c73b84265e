package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.cuda.CudnnGraph.Operand;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;

/** Attention as one plan of cuDNN. */
final class CudnnForward implements AutoCloseable {

    private final CudnnPlan plan;
    private final int q;
    private final int k;
    private final int v;
    private final int out;
    private final int sums;
    private final CudnnOffsets.Slots slots;

    /** @throws CudaException when cuDNN has no engine for it */
    CudnnForward(CudnnAttentionKey key, CudnnPlan.Target target) {
        CudnnAttentionGraph parts = new CudnnAttentionGraph(key, false);
        CudnnGraph graph = parts.graph;
        Operand sumsOperand = parts.sums("log of sums");
        Operand outOperand = parts.ofQueries("out", key.valueSize, key.outStride, parts.outOffsets);

        Operand scores = parts.causal(parts.scores());
        Operand largest = graph.reduce("largest", cudnn.CUDNN_REDUCE_TENSOR_MAX, scores, parts.rowVirtual("largest"));
        Operand lowered = graph.each("lowered", cudnn.CUDNN_POINTWISE_SUB, scores, largest);
        Operand exponentials = graph.each("exponentials", cudnn.CUDNN_POINTWISE_EXP, lowered);
        Operand sum = graph.reduce("sum", cudnn.CUDNN_REDUCE_TENSOR_ADD, exponentials, parts.rowVirtual("sum"));
        Operand log = graph.each("log", cudnn.CUDNN_POINTWISE_LOG, sum);
        graph.each("log of sums", cudnn.CUDNN_POINTWISE_ADD, CudnnGraph.FLOAT, sumsOperand, largest, log);
        Operand weights = graph.virtual("weights", parts.type, exponentials.dimensions(), exponentials.strides());
        graph.each("weights", cudnn.CUDNN_POINTWISE_DIV, CudnnGraph.FLOAT, weights, exponentials, sum);
        graph.product("out", weights, parts.v, parts.queriesOverKeys(), outOperand);

        this.plan = new CudnnPlan(graph, target);
        this.q = plan.index(parts.q);
        this.k = plan.index(parts.k);
        this.v = plan.index(parts.v);
        this.out = plan.index(outOperand);
        this.sums = plan.index(sumsOperand);
        this.slots = key.packed() ? new CudnnOffsets.Slots(plan, parts) : null;
    }

    /** Bytes of scratch of a run. */
    long workspaceBytes() {
        return plan.workspaceBytes();
    }

    /** Where documents begin, for a packed plan. */
    CudnnOffsets.Slots slots() {
        return slots;
    }

    /** Enqueues attention on operands at these addresses. */
    void run(cudnnContext library, long qAt, long kAt, long vAt, long outAt, long sumsAt, long workspace) {
        plan.at(q, qAt).at(k, kAt).at(v, vAt).at(out, outAt).at(sums, sumsAt).run(library, workspace);
    }

    @Override
    public void close() {
        plan.close();
    }
}
