package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.IntPointer;
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
        int type = CudaProducts.cudaType(key.operands);
        try (PointerPointer<Pointer> out = new PointerPointer<>(1)) {
            CudaProducts.check(cublas.cublasLtMatmulDescCreate(out, computeTypeOf(key, computeType), cudart.CUDA_R_32F), "cublasLtMatmulDescCreate");
            cublasLtMatmulDescOpaque_t description = new cublasLtMatmulDescOpaque_t(out.get());
            transpose(description, cublas.CUBLASLT_MATMUL_DESC_TRANSA, key.transposeB);
            transpose(description, cublas.CUBLASLT_MATMUL_DESC_TRANSB, key.transposeA);
            return new ProductPlan(key, description,
                    key.transposeB ? layout(out, type, key.k, key.n, key.strideB) : layout(out, type, key.n, key.k, key.strideB),
                    key.transposeA ? layout(out, type, key.m, key.k, key.strideA) : layout(out, type, key.k, key.m, key.strideA),
                    layout(out, CudaProducts.cudaType(key.result), key.n, key.m, key.strideOut), new cublasLtMatmulAlgo_t());
        }
    }

    /** Only float32 operands can be rounded to TF32. */
    private static int computeTypeOf(ProductKey key, int wanted) {
        return key.operands == DType.F32 ? wanted : cublas.CUBLAS_COMPUTE_32F;
    }

    private static void transpose(cublasLtMatmulDescOpaque_t description, int attribute, boolean transposed) {
        try (IntPointer value = new IntPointer(new int[] {transposed ? cublas.CUBLAS_OP_T : cublas.CUBLAS_OP_N})) {
            CudaProducts.check(cublas.cublasLtMatmulDescSetAttribute(description, attribute, value, Integer.BYTES), "cublasLtMatmulDescSetAttribute");
        }
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
