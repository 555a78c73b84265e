package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Storage;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Float32 copies of 16-bit operands, for kernels that hand addresses to BLAS. One block that grows to what the largest call needs and belongs to the engine;
 * copies live until the next {@link #begin}. Correct and not fast: the CPU computes in float32, and 16-bit models are for GPUs.
 */
final class HostWide {

    private final HostMemory memory;
    private final HostElementwise elementwise;
    private Storage block;
    private long used;

    HostWide(HostMemory memory, HostElementwise elementwise) {
        this.memory = memory;
        this.elementwise = elementwise;
    }

    /** Whether none of these needs a copy. */
    static boolean float32(Tensor... tensors) {
        for (Tensor tensor : tensors) {
            if (tensor.dtype() != DType.F32) {
                return false;
            }
        }
        return true;
    }

    /** Makes room for copies of all of these. */
    HostWide begin(Tensor... tensors) {
        long bytes = 0;
        for (Tensor tensor : tensors) {
            bytes += tensor.dtype() == DType.F32 ? 0 : tensor.elements() * Float.BYTES;
        }
        if (bytes > 0 && (block == null || block.sizeBytes() < bytes)) {
            if (block != null) {
                block.close();
                block = null;
            }
            block = memory.allocate(bytes, "float32 copies of 16-bit operands");
        }
        used = 0;
        return this;
    }

    /** Room for a float32 copy, which the caller makes. */
    Tensor room(Tensor tensor) {
        Tensor copy = Tensor.of(tensor.name(), DType.F32, Shape.of(tensor.rows(), tensor.columns()), block, used);
        used += copy.sizeBytes();
        return copy;
    }

    /** An operand in float32: itself or a copy. */
    Tensor read(Tensor tensor) {
        if (tensor.dtype() == DType.F32) {
            return tensor;
        }
        Tensor copy = room(tensor);
        copy(tensor, copy);
        return copy;
    }

    /** Where a result goes: the tensor itself, or room for it, holding its numbers where the result is to be added to them. */
    Tensor write(Tensor tensor, Write write) {
        if (tensor.dtype() == DType.F32) {
            return tensor;
        }
        return write == Write.ACCUMULATE ? read(tensor) : room(tensor);
    }

    /** Rounds a result into its tensor, if it is not there already. */
    void finish(Tensor result, Tensor tensor) {
        if (result != tensor) {
            copy(result, tensor);
        }
    }

    private void copy(Tensor from, Tensor to) {
        Tensor source = from.shape().rank() == 2 ? from : from.reshape(Shape.of(from.rows(), from.columns()));
        Tensor target = to.shape().rank() == 2 ? to : to.reshape(Shape.of(to.rows(), to.columns()));
        HostWindows.each(source.dtype() == DType.F32 ? source : target,
                (first, count) -> elementwise.copy(source.rows(first, count), target.rows(first, count)));
    }
}
