package ai.sparktron.trainer.kernels.cuda;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudnn.cudnnBackendDescriptor_t;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;

/**
 * A {@link CudnnGraph} that cuDNN has found an engine for, ready to run again and again on different memory. Running allocates nothing on the Java heap.
 */
final class CudnnPlan implements AutoCloseable {

    /** Engines that are tried, in the order of cuDNN's own ranking. */
    private static final int MOST_ENGINES = 8;

    private final CudnnGraph graph;
    private final List<CudnnDescriptor> made = new ArrayList<>();
    private final CudnnDescriptor plan;
    private final long workspaceBytes;
    private final int count;
    private final LongPointer ids;
    private final LongPointer pointers;
    private final LongPointer workspacePointer = new LongPointer(1);
    private final List<FloatPointer> scalars = new ArrayList<>();
    private final cudnnBackendDescriptor_t pack = new cudnnBackendDescriptor_t();

    /**
     * What a plan is made for.
     *
     * @param library    cuDNN's handle on a device, or null
     * @param properties of a device that is not there, where the library is null: then the plan can be made and not run
     */
    record Target(cudnnContext library, CudnnDescriptor properties) {
    }

    /**
     * Finds an engine; takes a part of a second.
     *
     * @param graph belongs to the plan from now on, also when this fails
     * @throws CudaException when cuDNN has no engine for the graph, with what it said
     */
    CudnnPlan(CudnnGraph graph, Target target) {
        this.graph = graph;
        try {
            this.plan = find(target);
            this.workspaceBytes = plan.longOf(cudnn.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
        } catch (RuntimeException failure) {
            closeDescriptors();
            throw failure;
        }
        this.count = graph.bound().size();
        this.ids = new LongPointer(count);
        this.pointers = new LongPointer(count);
        for (int i = 0; i < count; i++) {
            CudnnGraph.Operand operand = graph.bound().get(i);
            ids.put(i, operand.id());
            if (operand.isScalar()) {
                FloatPointer value = new FloatPointer(operand.value());
                scalars.add(value);
                pointers.put(i, value.address());
            }
        }
    }

    private CudnnDescriptor keep(CudnnDescriptor descriptor) {
        made.add(descriptor);
        return descriptor;
    }

    private CudnnDescriptor find(Target target) {
        CudnnDescriptor operations = keep(new CudnnDescriptor(cudnn.CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "graph"));
        if (target.library() != null) {
            operations.library(cudnn.CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.library());
        }
        operations.descriptors(cudnn.CUDNN_ATTR_OPERATIONGRAPH_OPS, graph.operations()).finish();
        CudnnDescriptor ranking = keep(new CudnnDescriptor(cudnn.CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "ranking of engines"))
                .descriptors(cudnn.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operations)
                .integer(cudnn.CUDNN_ATTR_ENGINEHEUR_MODE, cudnn.CUDNN_TYPE_HEUR_MODE, cudnn.CUDNN_HEUR_MODE_A);
        if (target.properties() != null) {
            ranking.descriptors(cudnn.CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, target.properties());
        }
        ranking.finish();
        int engines = Math.min(MOST_ENGINES, ranking.countOf(cudnn.CUDNN_ATTR_ENGINEHEUR_RESULTS, cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR));
        CudnnDescriptor[] configurations = new CudnnDescriptor[engines];
        for (int i = 0; i < engines; i++) {
            configurations[i] = keep(new CudnnDescriptor(cudnn.CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "engine " + i));
        }
        int found = engines == 0 ? 0 : ranking.fill(cudnn.CUDNN_ATTR_ENGINEHEUR_RESULTS, configurations);
        return firstThatFinishes(configurations, found, target);
    }

    private CudnnDescriptor firstThatFinishes(CudnnDescriptor[] configurations, int found, Target target) {
        CudaException first = null;
        for (int i = 0; i < found; i++) {
            CudnnDescriptor candidate = new CudnnDescriptor(cudnn.CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "plan of engine " + i);
            try {
                if (target.library() != null) {
                    candidate.library(cudnn.CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.library());
                }
                if (target.properties() != null) {
                    candidate.descriptors(cudnn.CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, target.properties());
                }
                candidate.descriptors(cudnn.CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configurations[i]).finish();
                return keep(candidate);
            } catch (CudaException refused) {
                candidate.close();
                first = first == null ? refused : first;
            }
        }
        throw first != null ? first : new CudaException("cuDNN " + cudnn.cudnnGetVersion() + " has no engine for this graph");
    }

    /** Bytes of scratch that {@link #run} needs. */
    long workspaceBytes() {
        return workspaceBytes;
    }

    /** Says where a tensor is at the next run. */
    CudnnPlan at(CudnnGraph.Operand operand, long address) {
        pointers.put(graph.bound().indexOf(operand), address);
        return this;
    }

    /** Index of a tensor for {@link #at(int, long)}, which is faster. */
    int index(CudnnGraph.Operand operand) {
        return graph.bound().indexOf(operand);
    }

    CudnnPlan at(int index, long address) {
        pointers.put(index, address);
        return this;
    }

    /** Enqueues on the library's stream. @param workspace address of {@link #workspaceBytes} bytes */
    void run(cudnnContext library, long workspace) {
        workspacePointer.put(workspace);
        CudnnDescriptor.check(cudnn.cudnnBackendCreateDescriptor(cudnn.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, pack), "making a pack of addresses");
        try {
            set(cudnn.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, cudnn.CUDNN_TYPE_INT64, count, ids);
            set(cudnn.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, cudnn.CUDNN_TYPE_VOID_PTR, count, pointers);
            set(cudnn.CUDNN_ATTR_VARIANT_PACK_WORKSPACE, cudnn.CUDNN_TYPE_VOID_PTR, 1, workspacePointer);
            check(cudnn.cudnnBackendFinalize(pack), "finalizing the pack of addresses");
            check(cudnn.cudnnBackendExecute(library, plan.handle(), pack), "running a plan");
        } finally {
            cudnn.cudnnBackendDestroyDescriptor(pack);
        }
    }

    private void set(int attribute, int type, long values, LongPointer memory) {
        check(cudnn.cudnnBackendSetAttribute(pack, attribute, type, values, memory), "addresses of a run");
    }

    private static void check(int status, String what) {
        if (status != cudnn.CUDNN_STATUS_SUCCESS) {
            CudnnDescriptor.check(status, what);
        }
    }

    private void closeDescriptors() {
        for (int i = made.size() - 1; i >= 0; i--) {
            made.get(i).close();
        }
        graph.close();
    }

    @Override
    public void close() {
        closeDescriptors();
        scalars.forEach(FloatPointer::close);
        ids.close();
        pointers.close();
        workspacePointer.close();
    }
}
