package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** Conditions on the operands of one kernel call, for {@link CheckedKernels}. */
final class TensorCheck {

    private final String kernel;
    private final Predicate<DType> supported;

    TensorCheck(String kernel, Predicate<DType> supported) {
        this.kernel = kernel;
        this.supported = supported;
    }

    static Shape matrix(long rows, long columns) {
        return Shape.of(rows, columns);
    }

    static Shape vector(long size) {
        return Shape.of(size);
    }

    /** The very same elements. */
    static boolean same(Tensor a, Tensor b) {
        return a.address() == b.address() && a.dtype() == b.dtype() && a.shape().equals(b.shape()) && (a.rowStride() == b.rowStride() || a.rows() <= 1);
    }

    /** Whether two tensors have a byte in common; columns of one wider tensor do not, although their rows interleave. */
    static boolean overlap(Tensor a, Tensor b) {
        if (a.elements() == 0 || b.elements() == 0) {
            return false;
        }
        long distance = b.address() - a.address();
        if (distance >= span(a) || -distance >= span(b)) {
            return false;
        }
        long strideA = a.rowStride() * a.dtype().sizeBytes();
        long strideB = b.rowStride() * b.dtype().sizeBytes();
        if (strideA != strideB) {
            return true;
        }
        long shift = Math.floorMod(distance, strideA);
        return shift < a.columns() * a.dtype().sizeBytes() || strideA - shift < b.columns() * b.dtype().sizeBytes();
    }

    private static long span(Tensor x) {
        return ((x.rows() - 1) * x.rowStride() + x.columns()) * x.dtype().sizeBytes();
    }

    TensorCheck that(boolean condition, Supplier<String> problem) {
        if (!condition) {
            throw new IllegalStateException(kernel + ": " + problem.get());
        }
        return this;
    }

    TensorCheck computes(Tensor x) {
        return that(supported.test(x.dtype()), () -> x + ": this engine stores " + x.dtype()
                + " but does not compute with it; copy the tensor to a type it computes with (float32 on the CPU)");
    }

    TensorCheck type(DType dtype, Tensor... tensors) {
        for (Tensor tensor : tensors) {
            that(tensor.dtype() == dtype, () -> tensor + ": expected " + dtype);
        }
        return this;
    }

    TensorCheck sameType(Tensor first, Tensor... others) {
        for (Tensor other : others) {
            that(other.dtype() == first.dtype(), () -> other + ": expected " + first.dtype() + " like " + first);
        }
        return this;
    }

    TensorCheck sameOrWider(Tensor operand, Tensor result) {
        return that(result.dtype() == operand.dtype() || result.dtype() == DType.F32 && operand.dtype().sizeBytes() < 4,
                () -> result + ": expected " + operand.dtype() + " like " + operand + ", or F32");
    }

    TensorCheck rank(int rank, Tensor... tensors) {
        for (Tensor tensor : tensors) {
            that(tensor.shape().rank() == rank, () -> tensor + ": expected " + rank + " dimensions");
        }
        return this;
    }

    TensorCheck shape(Tensor tensor, Shape expected) {
        return that(tensor.shape().equals(expected), () -> tensor + ": expected shape " + expected);
    }

    TensorCheck sameShape(Tensor first, Tensor... others) {
        for (Tensor other : others) {
            that(other.shape().equals(first.shape()), () -> other + ": expected the shape of " + first);
        }
        return this;
    }

    /** A written tensor shares no memory with the others. */
    TensorCheck apart(Tensor written, Tensor... others) {
        for (Tensor other : others) {
            that(!overlap(written, other), () -> "result " + written + " shares memory with " + other);
        }
        return this;
    }

    /** A written tensor is the very same as another or shares no memory with it. */
    TensorCheck sameOrApart(Tensor written, Tensor... others) {
        for (Tensor other : others) {
            that(same(written, other) || !overlap(written, other), () -> "result " + written + " shares a part of its memory with " + other
                    + ": expected all or nothing");
        }
        return this;
    }

    TensorCheck groups(Tensor x, Tensor weight) {
        rank(1, weight);
        return that(weight.columns() > 0 && x.columns() % weight.columns() == 0, () -> x + " in groups of " + weight);
    }

    TensorCheck slice(Tensor x, long firstRow, long firstColumn, long globalColumns) {
        that(x.shape().rank() == 1 || x.shape().rank() == 2, () -> x + ": expected one or two dimensions");
        return that(firstRow >= 0 && firstColumn >= 0 && firstColumn + x.columns() <= globalColumns, () -> x + " at row " + firstRow + " column "
                + firstColumn + " of " + globalColumns + " columns");
    }

    TensorCheck attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys) {
        shape(q, matrix(queries.tokens(), (long) shape.heads() * shape.keySize()));
        shape(k, matrix(keys.tokens(), (long) shape.kvHeads() * shape.keySize()));
        return shape(v, matrix(keys.tokens(), (long) shape.kvHeads() * shape.valueSize()));
    }

    TensorCheck flat(Tensor first, Tensor... others) {
        type(DType.F32, first).type(DType.F32, others);
        rank(1, first);
        return sameShape(first, others);
    }

    TensorCheck scalar(Tensor scale) {
        return type(DType.F32, scale).shape(scale, vector(1));
    }

    void roundedCopy(Tensor value, Tensor copy, Tensor... others) {
        if (copy != null) {
            that(copy.dtype() == DType.BF16 || copy.dtype() == DType.F16, () -> "copy " + copy + ": expected BF16 or F16");
            sameShape(value, copy);
            apart(copy, value);
            apart(copy, others);
        }
    }
}
