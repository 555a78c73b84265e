package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.BlockScaled;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;

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

    /** Forms of {@link AdamWTensors}; no two of its tensors share memory. */
    TensorCheck optimizer(AdamWTensors tensors, Tensor gradient, Tensor factor) {
        Tensor value = tensors.value();
        DType main = tensors.main() == null ? null : tensors.main().elements().dtype();
        that(switch (value.dtype()) {
            case F32 -> main == null;
            case BF16 -> main == DType.F32 || main == DType.F16 || main == DType.I16 || main == null;
            case F16 -> main == DType.F32 || main == DType.F16;
            case F64, F8_E4M3, F8_E5M2, I64, I32, I16, U8, BOOL -> false;
        }, () -> "value " + value + " with main weights " + main + ": no form of main weights");
        rounding(tensors.rounding(), value.dtype() == DType.BF16 && main == null);
        that(gradient.dtype() == DType.F32 || gradient.dtype() == DType.BF16, () -> gradient + ": expected F32 or BF16");
        rank(1, value).sameShape(value, gradient).scalar(factor);
        List<Tensor> written = new ArrayList<>(List.of(value));
        for (StateTensor state : Stream.of(tensors.main(), tensors.firstMoment(), tensors.secondMoment()).filter(Objects::nonNull).toList()) {
            sameShape(value, state.elements());
            written.add(state.elements());
            if (state.scales() != null) {
                type(DType.F32, state.scales()).shape(state.scales(), vector(BlockScaled.scales(value.elements())));
                written.add(state.scales());
            }
        }
        for (StateTensor moment : List.of(tensors.firstMoment(), tensors.secondMoment())) {
            that(moment.elements().dtype() != DType.I16 && moment.elements().dtype() != DType.F64, () -> moment.elements() + ": expected F32, BF16, F16 or F8_E4M3");
        }
        for (int i = 0; i < written.size(); i++) {
            apart(written.get(i), gradient, factor).apart(written.get(i), written.subList(i + 1, written.size()).toArray(Tensor[]::new));
        }
        return this;
    }

    private void rounding(StochasticRounding rounding, boolean wanted) {
        that(wanted == (rounding != null), () -> "rounding " + rounding + ": expected it for BF16 values without main weights, and for them alone");
        if (rounding != null) {
            type(DType.I64, rounding.numbers()).rank(2, rounding.numbers());
            that(rounding.numbers().rows() > 0 && rounding.numbers().columns() == 2 && rounding.first() >= 0, () -> rounding + ": expected numbers [stretches, 2] and a"
                    + " first element of 0 or more");
        }
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
