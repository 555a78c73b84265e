package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.Transpose;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/**
 * Float32 products on addresses: the row-major {@code cblas_sgemm} of the OpenBLAS that ND4J has loaded. The three pointers are moved, not made, at each
 * call: making one costs more than a small product. Used by one thread.
 */
final class Gemm {

    private static final int ROW_MAJOR = 101;
    private static final int PLAIN = 111;
    private static final int TRANSPOSED = 112;

    /** A pointer that is set to an address before each call. */
    private static final class Cursor extends FloatPointer {
        Cursor() {
            super((Pointer) null);
        }

        Cursor at(long newAddress) {
            this.address = newAddress;
            return this;
        }
    }

    private final Cursor a = new Cursor();
    private final Cursor b = new Cursor();
    private final Cursor c = new Cursor();

    /**
     * c [m, n] = alpha * op(a) [m, k] * op(b) [k, n] + beta * c, beta being 0 or 1. Strides are elements between rows as they lie in memory; with beta 0 the old c is not
     * read.
     */
    void multiply(Transpose transposeA, Transpose transposeB, long m, long n, long k, float alpha, long aAddress, long aStride, long bAddress,
                  long bStride, float beta, long cAddress, long cStride) {
        if (m == 0 || n == 0) {
            return;
        }
        if (k == 0) {
            scale(m, n, beta, cAddress, cStride);
            return;
        }
        if (m == 1) {
            // A new token of a generation: reading the matrix once is all there is to do, and sgemm would copy it first.
            boolean asItLies = transposeB == Transpose.YES;
            openblas_nolapack.cblas_sgemv(ROW_MAJOR, asItLies ? PLAIN : TRANSPOSED, Math.toIntExact(asItLies ? n : k), Math.toIntExact(asItLies ? k : n),
                    alpha, b.at(bAddress), stride(bStride), a.at(aAddress), transposeA == Transpose.YES ? stride(aStride) : 1, beta, c.at(cAddress), 1);
            return;
        }
        // BLAS asks for strides of at least a row even of matrices that it does not read.
        openblas_nolapack.cblas_sgemm(ROW_MAJOR, transposeA == Transpose.YES ? TRANSPOSED : PLAIN, transposeB == Transpose.YES ? TRANSPOSED : PLAIN,
                Math.toIntExact(m), Math.toIntExact(n), Math.toIntExact(k), alpha, a.at(aAddress), stride(aStride), b.at(bAddress), stride(bStride),
                beta, c.at(cAddress), stride(cStride));
    }

    /** What a product over nothing is. BLAS leaves a result of no terms as it is in some of its routines. */
    private void scale(long m, long n, float beta, long cAddress, long cStride) {
        for (long row = 0; beta == 0 && row < m; row++) {
            Pointer.memset(c.at(cAddress + row * cStride * Float.BYTES), 0, n * Float.BYTES);
        }
    }

    private static int stride(long elements) {
        return Math.toIntExact(Math.max(1, elements));
    }
}
