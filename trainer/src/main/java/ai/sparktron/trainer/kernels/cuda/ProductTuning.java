package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * Which algorithm a product takes. cuBLASLt's own ranking is a guess; candidates are run on the operands at hand (never on zeros, which draw less power and run
 * faster) into memory of their own, so that a result that is added to is not touched.
 */
final class ProductTuning implements AutoCloseable {

    private static final int CANDIDATES = 16;
    private static final int ALGORITHM_BYTES = 64;

    private final DeviceMemory memory;
    private final AlgorithmFile file;
    private final cublasLtContext handle;
    private final long workspaceBytes;
    private final DeviceTimer timer;

    /** Runs the product with the plan's algorithm into memory at an address that is laid out like its result. */
    @FunctionalInterface
    interface Trial {
        void run(long target);
    }

    ProductTuning(CudaDevice device, DeviceMemory memory, AlgorithmFile file, cublasLtContext handle, long workspaceBytes) {
        this.timer = new DeviceTimer(device);
        this.memory = memory;
        this.file = file;
        this.handle = handle;
        this.workspaceBytes = workspaceBytes;
    }

    /** Sets the plan's algorithm. */
    void choose(ProductPlan plan, boolean timed, Trial trial, Tensor result) {
        String key = plan.key().toString();
        Optional<byte[]> known = timed ? file.get(key) : Optional.empty();
        if (known.isPresent() && known.get().length == ALGORITHM_BYTES) {
            bytes(plan.algorithm()).put(known.get());
            return;
        }
        try (cublasLtMatmulHeuristicResult_t found = new cublasLtMatmulHeuristicResult_t(CANDIDATES)) {
            int candidates = candidates(plan, found);
            set(plan, found, 0);
            if (timed && candidates > 1) {
                set(plan, found, fastest(plan, found, candidates, trial, result));
            }
        }
        if (timed) {
            byte[] chosen = new byte[ALGORITHM_BYTES];
            bytes(plan.algorithm()).get(chosen);
            file.put(key, chosen);
        }
    }

    private int candidates(ProductPlan plan, cublasLtMatmulHeuristicResult_t found) {
        try (PointerPointer<Pointer> out = new PointerPointer<>(1); IntPointer count = new IntPointer(1)) {
            CudaProducts.check(cublas.cublasLtMatmulPreferenceCreate(out), "cublasLtMatmulPreferenceCreate");
            cublasLtMatmulPreferenceOpaque_t preference = new cublasLtMatmulPreferenceOpaque_t(out.get());
            try {
                prefer(preference, cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, new LongPointer(new long[] {workspaceBytes}), Long.BYTES);
                prefer(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, new IntPointer(new int[] {plan.key().alignmentB}), Integer.BYTES);
                prefer(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, new IntPointer(new int[] {plan.key().alignmentA}), Integer.BYTES);
                prefer(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, new IntPointer(new int[] {plan.key().alignmentOut}), Integer.BYTES);
                prefer(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, new IntPointer(new int[] {plan.key().alignmentOut}), Integer.BYTES);
                CudaProducts.check(cublas.cublasLtMatmulAlgoGetHeuristic(handle, plan.description(), plan.first(), plan.second(), plan.result(), plan.result(),
                        preference, CANDIDATES, found, count), "cublasLtMatmulAlgoGetHeuristic of product " + plan.key());
            } finally {
                cublas.cublasLtMatmulPreferenceDestroy(preference);
            }
            if (count.get() < 1) {
                throw new CudaException("cuBLASLt has no algorithm for product " + plan.key());
            }
            return count.get();
        }
    }

    private static void prefer(cublasLtMatmulPreferenceOpaque_t preference, int attribute, Pointer value, long bytes) {
        try (value) {
            CudaProducts.check(cublas.cublasLtMatmulPreferenceSetAttribute(preference, attribute, value, bytes), "cublasLtMatmulPreferenceSetAttribute");
        }
    }

    private static void set(ProductPlan plan, cublasLtMatmulHeuristicResult_t found, int index) {
        byte[] algorithm = new byte[ALGORITHM_BYTES];
        bytes(found.position(index).algo()).get(algorithm);
        bytes(plan.algorithm()).put(algorithm);
    }

    private static BytePointer bytes(cublasLtMatmulAlgo_t algorithm) {
        return new BytePointer(algorithm).capacity(ALGORITHM_BYTES);
    }

    private int fastest(ProductPlan plan, cublasLtMatmulHeuristicResult_t found, int candidates, Trial trial, Tensor result) {
        long bytes = ((result.rows() - 1) * result.rowStride() + result.columns()) * result.dtype().sizeBytes();
        DeviceBlock target = memory.allocate(bytes, "trial of a product");
        try {
            List<Integer> able = IntStream.range(0, candidates).filter(i -> found.position(i).state() == cublas.CUBLAS_STATUS_SUCCESS).boxed().toList();
            if (able.isEmpty()) {
                return 0;
            }
            return able.get(timer.fastest(able.stream().map(i -> (Runnable) () -> {
                set(plan, found, i);
                trial.run(target.address());
            }).toList()));
        } finally {
            target.close();
            memory.trim(); // A target may be as large as a gradient.
        }
    }

    @Override
    public void close() {
        timer.close();
    }
}
