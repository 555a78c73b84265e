package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Fp8Kernels.Sums;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** Everything about a product that its algorithm depends on. One of them is set again and again to look others up, so that a product allocates nothing. */
final class ProductKey {

    /** Alignment beyond this changes nothing. */
    private static final long MOST_ALIGNMENT = 256;

    long m;
    long n;
    long k;
    long strideA;
    long strideB;
    long strideOut;
    boolean transposeA;
    boolean transposeB;
    boolean accumulates;
    /** Whether a number is added to each column of the result. */
    boolean hasBias;
    DType operandA;
    DType operandB;
    DType result;
    /** What of each operand has a scale; null where operands have none. */
    Blocks scalesA;
    Blocks scalesB;
    Sums sums;
    int alignmentA;
    int alignmentB;
    int alignmentOut;

    /** A product of operands in eight bits. */
    void set(Quantised a, Quantised b, Tensor out, Write write, Sums how) {
        set(a.elements(), Transpose.NO, b.elements(), Transpose.YES, out, write, a.elements().columns());
        scalesA = a.blocks();
        scalesB = b.blocks();
        sums = how;
    }

    void set(Tensor a, Transpose ta, Tensor b, Transpose tb, Tensor out, Write write, long inner) {
        m = out.rows();
        n = out.columns();
        k = inner;
        strideA = a.rowStride();
        strideB = b.rowStride();
        strideOut = out.rowStride();
        transposeA = ta == Transpose.YES;
        transposeB = tb == Transpose.YES;
        accumulates = write == Write.ACCUMULATE;
        hasBias = false;
        operandA = a.dtype();
        operandB = b.dtype();
        result = out.dtype();
        scalesA = null;
        scalesB = null;
        sums = Sums.EXACT;
        alignmentA = alignment(a);
        alignmentB = alignment(b);
        alignmentOut = alignment(out);
    }

    /** Whether operands are in eight bits. */
    boolean isScaled() {
        return scalesA != null;
    }

    private static int alignment(Tensor tensor) {
        return (int) Long.lowestOneBit(tensor.address() | MOST_ALIGNMENT);
    }

    ProductKey copy() {
        ProductKey copy = new ProductKey();
        copy.m = m;
        copy.n = n;
        copy.k = k;
        copy.strideA = strideA;
        copy.strideB = strideB;
        copy.strideOut = strideOut;
        copy.transposeA = transposeA;
        copy.transposeB = transposeB;
        copy.accumulates = accumulates;
        copy.hasBias = hasBias;
        copy.operandA = operandA;
        copy.operandB = operandB;
        copy.scalesA = scalesA;
        copy.scalesB = scalesB;
        copy.sums = sums;
        copy.result = result;
        copy.alignmentA = alignmentA;
        copy.alignmentB = alignmentB;
        copy.alignmentOut = alignmentOut;
        return copy;
    }

    @Override
    public int hashCode() {
        long hash = m;
        hash = hash * 31 + n;
        hash = hash * 31 + k;
        hash = hash * 31 + strideA;
        hash = hash * 31 + strideB;
        hash = hash * 31 + strideOut;
        hash = hash * 31 + (transposeA ? 1 : 0) + (transposeB ? 2 : 0) + (accumulates ? 4 : 0) + (hasBias ? 1 << 20 : 0) + 8 * operandA.ordinal() + 128 * result.ordinal()
                + 2048 * operandB.ordinal();
        hash = hash * 31 + alignmentA + 512L * alignmentB + 262_144L * alignmentOut;
        return (int) (hash ^ hash >>> 32);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ProductKey key && m == key.m && n == key.n && k == key.k && strideA == key.strideA && strideB == key.strideB
                && strideOut == key.strideOut && transposeA == key.transposeA && transposeB == key.transposeB && accumulates == key.accumulates
                && hasBias == key.hasBias && operandA == key.operandA && operandB == key.operandB && result == key.result
                && scalesA == key.scalesA && scalesB == key.scalesB && sums == key.sums && alignmentA == key.alignmentA && alignmentB == key.alignmentB
                && alignmentOut == key.alignmentOut;
    }

    /** Without spaces: the algorithm file's key. */
    @Override
    public String toString() {
        return operandA + "x" + operandB + (scalesA == null ? "" : ":" + scalesA + "," + scalesB + "," + sums) + "->" + result + (accumulates ? "+=" : "=") + (hasBias ? ":bias" : "") + ":m" + m + ":n" + n + ":k" + k + (transposeA ? ":aT" : ":a") + strideA
                + (transposeB ? ":bT" : ":b") + strideB + ":c" + strideOut + ":align" + alignmentA + "," + alignmentB + "," + alignmentOut;
    }
}
