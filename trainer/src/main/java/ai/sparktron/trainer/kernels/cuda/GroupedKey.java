package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;

/** What the choice of a kernel for experts' products depends on. One of them is set again and again to look others up, so that a product allocates nothing. */
final class GroupedKey {

    /** Which of the products. */
    enum Kind {
        /** x w^T */
        FORWARD,
        /** dy w */
        INPUT_GRADIENT,
        /** x w^T, added to what is there */
        ADDED_FORWARD,
        /** dy w, added to what is there */
        ADDED_INPUT_GRADIENT,
        /** dy^T x, written */
        WEIGHT_GRADIENT,
        /** dy^T x, added to what is there */
        ADDED_WEIGHT_GRADIENT;

        /** The kind of a product of rows with experts' matrices. */
        static Kind of(Transpose transposeW, Write write) {
            if (transposeW == Transpose.YES) {
                return write == Write.ACCUMULATE ? ADDED_FORWARD : FORWARD;
            }
            return write == Write.ACCUMULATE ? ADDED_INPUT_GRADIENT : INPUT_GRADIENT;
        }

        /** Whether rows are added to what is there. */
        boolean addsRows() {
            return this == ADDED_FORWARD || this == ADDED_INPUT_GRADIENT;
        }

        /** Whether an expert's rows of weights run along the sum. */
        boolean isForward() {
            return this == FORWARD || this == ADDED_FORWARD;
        }

        boolean isOfWeights() {
            return this == WEIGHT_GRADIENT || this == ADDED_WEIGHT_GRADIENT;
        }
    }

    private Kind kind;
    private DType operands;
    private DType result;
    private int experts;
    private int inner;
    private int columns;
    private int rowsBits;

    /**
     * @param inner   length of the sums; rows of an expert's matrix for a gradient of weights
     * @param columns of the result
     * @param rows    of all segments; only their number to the power of two matters, which differs little from step to step
     */
    GroupedKey set(Kind kind, DType operands, DType result, int experts, int inner, int columns, long rows) {
        this.kind = kind;
        this.operands = operands;
        this.result = result;
        this.experts = experts;
        this.inner = inner;
        this.columns = columns;
        this.rowsBits = Long.SIZE - Long.numberOfLeadingZeros(rows / experts);
        return this;
    }

    Kind kind() {
        return kind;
    }

    GroupedKey copy() {
        GroupedKey copy = new GroupedKey();
        copy.kind = kind;
        copy.operands = operands;
        copy.result = result;
        copy.experts = experts;
        copy.inner = inner;
        copy.columns = columns;
        copy.rowsBits = rowsBits;
        return copy;
    }

    @Override
    public int hashCode() {
        int hash = kind.ordinal();
        hash = hash * 31 + operands.ordinal();
        hash = hash * 31 + result.ordinal();
        hash = hash * 31 + experts;
        hash = hash * 31 + inner;
        hash = hash * 31 + columns;
        return hash * 31 + rowsBits;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof GroupedKey key && kind == key.kind && operands == key.operands && result == key.result && experts == key.experts
                && inner == key.inner && columns == key.columns && rowsBits == key.rowsBits;
    }

    /** Without spaces: part of the algorithm file's key. */
    @Override
    public String toString() {
        return kind + ":" + operands + "->" + result + ":e" + experts + ":k" + inner + ":n" + columns + ":rows2^" + rowsBits;
    }
}
