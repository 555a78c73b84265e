package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Fp8Kernels.Sums;
import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.tensor.DType;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * cuBLASLt's descriptors of one product and its algorithm. cuBLASLt's matrices are column-major, so its first operand is our second: result^T = b^T a^T, and a
 * row-major matrix is the transpose of a column-major one of the same memory.
 *
 * @param key         what the product is
 * @param description types and transposes
 * @param first       our second operand
 * @param second      our first operand
 * @param result      read as well where the product is added
 * @param algorithm   set by {@link ProductTuning}
 */
record ProductPlan(ProductKey key, cublasLtMatmulDescOpaque_t description, cublasLtMatrixLayoutOpaque_t first, cublasLtMatrixLayoutOpaque_t second,
                   cublasLtMatrixLayoutOpaque_t result, cublasLtMatmulAlgo_t algorithm) {

    static ProductPlan of(ProductKey key, int computeType) {
        int typeA = CudaProducts.cudaType(key.operandA);
        int typeB = CudaProducts.cudaType(key.operandB);
        try (PointerPointer<Pointer> out = new PointerPointer<>(1)) {
            CudaProducts.check(cublas.cublasLtMatmulDescCreate(out, computeTypeOf(key, computeType), cudart.CUDA_R_32F), "cublasLtMatmulDescCreate");
            cublasLtMatmulDescOpaque_t description = new cublasLtMatmulDescOpaque_t(out.get());
            set(description, cublas.CUBLASLT_MATMUL_DESC_TRANSA, key.transposeB ? cublas.CUBLAS_OP_T : cublas.CUBLAS_OP_N);
            set(description, cublas.CUBLASLT_MATMUL_DESC_TRANSB, key.transposeA ? cublas.CUBLAS_OP_T : cublas.CUBLAS_OP_N);
            if (key.hasBias) {
                set(description, cublas.CUBLASLT_MATMUL_DESC_EPILOGUE, cublas.CUBLASLT_EPILOGUE_BIAS);
            }
            if (key.isScaled()) {
                set(description, cublas.CUBLASLT_MATMUL_DESC_A_SCALE_MODE, scaleMode(key.scalesB));
                set(description, cublas.CUBLASLT_MATMUL_DESC_B_SCALE_MODE, scaleMode(key.scalesA));
                set(description, cublas.CUBLASLT_MATMUL_DESC_FAST_ACCUM, (byte) (key.sums == Sums.FAST ? 1 : 0));
            }
            return new ProductPlan(key, description,
                    key.transposeB ? layout(out, typeB, key.k, key.n, key.strideB) : layout(out, typeB, key.n, key.k, key.strideB),
                    key.transposeA ? layout(out, typeA, key.m, key.k, key.strideA) : layout(out, typeA, key.k, key.m, key.strideA),
                    layout(out, CudaProducts.cudaType(key.result), key.n, key.m, key.strideOut), new cublasLtMatmulAlgo_t());
        }
    }

    /** Only float32 operands can be rounded to TF32. */
    private static int computeTypeOf(ProductKey key, int wanted) {
        return key.operandA == DType.F32 ? wanted : cublas.CUBLAS_COMPUTE_32F;
    }

    /** A scalar, a vector of 128 or a square of 128 x 128 to a scale. */
    private static int scaleMode(Blocks blocks) {
        return switch (blocks) {
            case WHOLE -> cublas.CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F;
            case ROW_PIECES -> cublas.CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F;
            case SQUARES -> cublas.CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F;
        };
    }

    private static void set(cublasLtMatmulDescOpaque_t description, int attribute, int value) {
        try (IntPointer pointer = new IntPointer(new int[] {value})) {
            set(description, attribute, pointer, Integer.BYTES);
        }
    }

    private static void set(cublasLtMatmulDescOpaque_t description, int attribute, byte value) {
        try (BytePointer pointer = new BytePointer(new byte[] {value})) {
            set(description, attribute, pointer, Byte.BYTES);
        }
    }

    private static void set(cublasLtMatmulDescOpaque_t description, int attribute, Pointer value, long bytes) {
        CudaProducts.check(cublas.cublasLtMatmulDescSetAttribute(description, attribute, value, bytes), "cublasLtMatmulDescSetAttribute");
    }

    /** Where the scales of both operands of this launch lie. @param holder room for an address */
    void scales(long scalesOfA, long scalesOfB, LongPointer holder) {
        set(description, cublas.CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, holder.put(0, scalesOfB), Long.BYTES);
        set(description, cublas.CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, holder.put(0, scalesOfA), Long.BYTES);
    }

    /** Where the bias of this launch lies. @param holder room for an address */
    void bias(long address, LongPointer holder) {
        set(description, cublas.CUBLASLT_MATMUL_DESC_BIAS_POINTER, holder.put(0, address), Long.BYTES);
    }

    private static cublasLtMatrixLayoutOpaque_t layout(PointerPointer<Pointer> out, int type, long rows, long columns, long stride) {
        CudaProducts.check(cublas.cublasLtMatrixLayoutCreate(out, type, rows, columns, stride), "cublasLtMatrixLayoutCreate " + rows + " x " + columns
                + ", " + stride + " apart");
        return new cublasLtMatrixLayoutOpaque_t(out.get());
    }

    boolean accumulates() {
        return key.accumulates;
    }

    void close() {
        cublas.cublasLtMatmulDescDestroy(description);
        cublas.cublasLtMatrixLayoutDestroy(first);
        cublas.cublasLtMatrixLayoutDestroy(second);
        cublas.cublasLtMatrixLayoutDestroy(result);
        algorithm.close();
    }
}
