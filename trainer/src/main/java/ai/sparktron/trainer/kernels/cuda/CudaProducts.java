package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Products through cuBLASLt, sums in float32 whatever the operands; float32 operands are multiplied as float32 (not TF32) unless asked otherwise. What a product
 * of given shapes needs is made once and kept; its algorithm is the fastest of those that cuBLASLt proposes, timed on the first operands that come, and
 * remembered on disk.
 */
final class CudaProducts implements DeviceProducts {

    /** What NVIDIA advises for Hopper is 32 MiB; splits of long sums take more. */
    private static final long WORKSPACE_BYTES = 64L << 20;

    private final CudaDevice device;
    private final ProductTuning tuning;
    private final ElementwiseKernels elementwise;
    private final cublasLtContext handle = new cublasLtContext();
    private final Settings settings;
    private final DeviceBlock workspace;
    private final Pointer workspaceAddress;
    private final CUstream_st stream;
    private final FloatPointer one = new FloatPointer(1f);
    private final FloatPointer zero = new FloatPointer(0f);
    private final NativeAddress a = new NativeAddress();
    private final NativeAddress b = new NativeAddress();
    private final NativeAddress out = new NativeAddress();
    /** Where a launch's further operands lie, on the way to its description. */
    private final LongPointer pointers = new LongPointer(1);
    private final Map<ProductKey, ProductPlan> plans = new HashMap<>();
    private final ProductKey probe = new ProductKey();

    /**
     * @param tf32  whether float32 operands may be rounded to TF32
     * @param timed whether algorithms are timed; otherwise the first that cuBLASLt proposes is taken, the same in every run
     */
    record Settings(boolean tf32, boolean timed) {
    }

    /** The products of an engine; algorithms are kept in its folder. */
    static CudaProducts of(CudaEngine.Foundation engine) {
        CudaDevice device = engine.device();
        AlgorithmFile algorithms = new AlgorithmFile(engine.settings().folder(), device.name() + "-sm" + device.capability() + "-cublasLt" + libraryVersion());
        return new CudaProducts(device, engine.memory(), algorithms, new ElementwiseKernels(device, engine.modules()),
                new Settings(engine.settings().tf32(), !engine.settings().deterministic()));
    }

    CudaProducts(CudaDevice device, DeviceMemory memory, AlgorithmFile algorithms, ElementwiseKernels elementwise, Settings settings) {
        CudaLibrary.CUBLAS.load();
        this.device = device;
        this.elementwise = elementwise;
        this.settings = settings;
        this.stream = device.stream();
        check(cublas.cublasLtCreate(handle), "cublasLtCreate");
        this.workspace = memory.allocate(WORKSPACE_BYTES, "products' workspace");
        this.workspaceAddress = new NativeAddress().at(workspace.address());
        this.tuning = new ProductTuning(device, memory, algorithms, handle, WORKSPACE_BYTES);
    }

    /** Of cuBLASLt; loads it. */
    static long libraryVersion() {
        CudaLibrary.CUBLAS.load();
        return cublas.cublasLtGetVersion();
    }

    static void check(int result, String what) {
        if (result != cublas.CUBLAS_STATUS_SUCCESS) {
            throw new CudaException(what + ": " + cublas.cublasGetStatusName(result).getString() + " (" + result + "), "
                    + cublas.cublasGetStatusString(result).getString());
        }
    }

    @Override
    public void matmul(Tensor left, Transpose transposeLeft, Tensor right, Transpose transposeRight, Tensor result, Write write) {
        long inner = transposeLeft == Transpose.YES ? left.rows() : left.columns();
        if (result.elements() == 0) {
            return;
        }
        if (inner == 0) {
            if (write == Write.OVERWRITE) {
                elementwise.fill(result, 0);
            }
            return;
        }
        probe.set(left, transposeLeft, right, transposeRight, result, write, inner);
        ProductPlan plan = plans.get(probe);
        if (plan == null) {
            plan = plan(probe.copy(), left, right, result, null);
        }
        launch(plan, left.address(), right.address(), result.address());
    }

    @Override
    public boolean linear(Tensor x, Tensor weight, Tensor bias, Tensor out) {
        if (out.elements() == 0 || x.columns() == 0) {
            return false;
        }
        probe.set(x, Transpose.NO, weight, Transpose.YES, out, Write.OVERWRITE, x.columns());
        probe.hasBias = true;
        ProductPlan plan = plans.get(probe);
        if (plan == null) {
            plan = plan(probe.copy(), x, weight, out, bias);
        }
        plan.bias(bias.address(), pointers);
        launch(plan, x.address(), weight.address(), out.address());
        return true;
    }

    @Override
    public void product(Quantised left, Quantised right, Tensor result, Write write, Fp8Kernels.Sums sums) {
        if (result.elements() == 0) {
            return;
        }
        probe.set(left, right, result, write, sums);
        ProductPlan plan = plans.get(probe);
        if (plan == null) {
            plan = ProductPlan.of(probe.copy(), cublas.CUBLAS_COMPUTE_32F);
            ProductPlan made = plan;
            made.scales(left.scales().address(), right.scales().address(), pointers);
            tuning.choose(made, settings.timed(), target -> launch(made, left.elements().address(), right.elements().address(), target), result);
            plans.put(made.key(), made);
        }
        plan.scales(left.scales().address(), right.scales().address(), pointers);
        launch(plan, left.elements().address(), right.elements().address(), result.address());
    }

    /** Row-major products are column-major ones of the operands in the other order. */
    private void launch(ProductPlan plan, long left, long right, long result) {
        Pointer c = out.at(result);
        int status = cublas.cublasLtMatmul(handle, plan.description(), one, b.at(right), plan.first(), a.at(left), plan.second(),
                plan.accumulates() ? one : zero, c, plan.result(), c, plan.result(), plan.algorithm(), workspaceAddress, WORKSPACE_BYTES, stream);
        if (status != cublas.CUBLAS_STATUS_SUCCESS) {
            check(status, "product " + plan.key());
        }
    }

    /** @param bias null where none is added */
    private ProductPlan plan(ProductKey key, Tensor left, Tensor right, Tensor result, Tensor bias) {
        ProductPlan plan = ProductPlan.of(key, settings.tf32() ? cublas.CUBLAS_COMPUTE_32F_FAST_TF32 : cublas.CUBLAS_COMPUTE_32F);
        if (bias != null) {
            plan.bias(bias.address(), pointers);
        }
        tuning.choose(plan, settings.timed(), target -> launch(plan, left.address(), right.address(), target), result);
        plans.put(key, plan);
        return plan;
    }

    /** CUDA's name of a type. */
    static int cudaType(DType dtype) {
        return switch (dtype) {
            case F32 -> cudart.CUDA_R_32F;
            case BF16 -> cudart.CUDA_R_16BF;
            case F16 -> cudart.CUDA_R_16F;
            case F8_E4M3 -> cudart.CUDA_R_8F_E4M3;
            case F8_E5M2 -> cudart.CUDA_R_8F_E5M2;
            case F64, I64, I32, I16, U8, BOOL -> throw new IllegalStateException("product of " + dtype);
        };
    }

    /** Plans made so far: one for each shape that a run has met. */
    int planned() {
        return plans.size();
    }

    @Override
    public void close() {
        device.makeCurrent();
        plans.values().forEach(ProductPlan::close);
        plans.clear();
        tuning.close();
        cublas.cublasLtDestroy(handle);
        workspace.close();
        one.close();
        zero.close();
        pointers.close();
    }
}
