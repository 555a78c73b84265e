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
     * c [m, n] = alpha * op(a) [m, k] * op(b) [k, n] + beta * c. Strides are elements between rows as they lie in memory; with beta 0 the old c is not
     * read.
     */
    void multiply(Transpose transposeA, Transpose transposeB, long m, long n, long k, float alpha, long aAddress, long aStride, long bAddress,
                  long bStride, float beta, long cAddress, long cStride) {
        if (m == 0 || n == 0) {
            return;
        }
        // BLAS asks for strides of at least a row even of matrices that it does not read.
        openblas_nolapack.cblas_sgemm(ROW_MAJOR, transposeA == Transpose.YES ? TRANSPOSED : PLAIN, transposeB == Transpose.YES ? TRANSPOSED : PLAIN,
                Math.toIntExact(m), Math.toIntExact(n), Math.toIntExact(k), alpha, a.at(aAddress), stride(aStride), b.at(bAddress), stride(bStride),
                beta, c.at(cAddress), stride(cStride));
    }

    private static int stride(long elements) {
        return Math.toIntExact(Math.max(1, elements));
    }
}
