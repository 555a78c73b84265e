package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Where the operands and gradients of a call lie for cuDNN. In a packed batch it puts a tensor's gradient where the tensor's own documents begin, with the gradient's
 * row stride, whatever offsets the gradient was described with (seen with 9.19 on Hopper; other users of cuDNN have both lie alike). So a tensor and its gradient
 * that do not lie alike both go through contiguous copies, and so do gradients that are added to what is there, or wanted in another type than cuDNN makes.
 *
 * <p>One of them is used again for every call; a call that copies nothing allocates nothing.
 */
final class CudnnGradientOperands {

    static final int Q = 0;
    static final int K = 1;
    static final int V = 2;
    static final int OUT = 3;

    private static final int PAIRS = 4;
    private static final long ALIGNMENT_BYTES = 256;

    private final Tensor[] operands = new Tensor[PAIRS];
    private final Tensor[] gradients = new Tensor[PAIRS];
    private final boolean[] operandCopied = new boolean[PAIRS];
    private final boolean[] gradientCopied = new boolean[PAIRS];
    /** The copies, or the tensors themselves. */
    private final Tensor[] placedOperands = new Tensor[PAIRS];
    private final Tensor[] placedGradients = new Tensor[PAIRS];
    private boolean packed;
    private boolean apart;
    private boolean grouped;

    /**
     * What the pairs of a call are, which must be named next, have in common.
     *
     * @param packedBatch    whether documents begin at offsets
     * @param groupedQueries whether key and value heads have several query heads each: then memory for the gradients of all query heads lies as the grouped
     *                       gradients do, times the queries of a group, which of a merged gradient would be most of the device's
     */
    CudnnGradientOperands begin(boolean packedBatch, boolean groupedQueries, Write write) {
        packed = packedBatch;
        grouped = groupedQueries;
        apart = write == Write.ACCUMULATE;
        return this;
    }

    /** One of {@link #Q}, {@link #K}, {@link #V}: an operand and its gradient, which is made. */
    CudnnGradientOperands made(int pair, Tensor operand, Tensor gradient) {
        boolean copied = apart || operand.dtype() != gradient.dtype();
        boolean through = copied || packed && (grouped && pair != Q || operand.rowStride() != gradient.rowStride());
        return pair(pair, operand, gradient, packed && through && !operand.isContiguous(), through && (copied || !gradient.isContiguous()));
    }

    /** {@link #OUT}: the output and its gradient, which are both read. */
    CudnnGradientOperands read(Tensor out, Tensor gradient) {
        boolean through = packed && out.rowStride() != gradient.rowStride();
        return pair(OUT, out, gradient, through && !out.isContiguous(), through && !gradient.isContiguous());
    }

    private CudnnGradientOperands pair(int pair, Tensor operand, Tensor gradient, boolean copyOperand, boolean copyGradient) {
        operands[pair] = operand;
        gradients[pair] = gradient;
        operandCopied[pair] = copyOperand;
        gradientCopied[pair] = copyGradient;
        return this;
    }

    /** Elements from row to row of an operand as cuDNN is given it. */
    long operandStride(int pair) {
        return operandCopied[pair] ? operands[pair].columns() : operands[pair].rowStride();
    }

    /** Elements from row to row of a gradient as cuDNN is given it. */
    long gradientStride(int pair) {
        return gradientCopied[pair] ? gradients[pair].columns() : gradients[pair].rowStride();
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    }

    /** Of the copy of a gradient. */
    private long copyBytes(int pair) {
        return aligned(gradients[pair].elements() * operands[pair].dtype().sizeBytes());
    }

    /** Bytes of the copies. */
    long bytes() {
        long bytes = 0;
        for (int i = 0; i < PAIRS; i++) {
            bytes += (operandCopied[i] ? aligned(operands[i].sizeBytes()) : 0) + (gradientCopied[i] ? copyBytes(i) : 0);
        }
        return bytes;
    }

    /** Enqueues the copies of what is read, into {@link #bytes} of a block from an offset that is a multiple of 256 on. */
    void place(DeviceBlock block, long offset, ElementwiseKernels elementwise) {
        long at = offset;
        for (int i = 0; i < PAIRS; i++) {
            placedOperands[i] = operandCopied[i] ? contiguous(operands[i], operands[i].dtype(), block, at) : operands[i];
            at += operandCopied[i] ? aligned(operands[i].sizeBytes()) : 0;
            placedGradients[i] = gradientCopied[i] ? contiguous(gradients[i], operands[i].dtype(), block, at) : gradients[i];
            at += gradientCopied[i] ? copyBytes(i) : 0;
            if (operandCopied[i]) {
                elementwise.copy(operands[i], placedOperands[i]);
            }
        }
        if (gradientCopied[OUT]) {
            elementwise.copy(gradients[OUT], placedGradients[OUT]);
        }
    }

    private static Tensor contiguous(Tensor like, DType dtype, DeviceBlock block, long offset) {
        return Tensor.of(like.name(), dtype, Shape.of(like.rows(), like.columns()), block, offset);
    }

    /** Where cuDNN reads an operand, once it is {@link #place placed}. */
    long operand(int pair) {
        return placedOperands[pair].address();
    }

    /** Where cuDNN reads or writes a gradient. */
    long gradient(int pair) {
        return placedGradients[pair].address();
    }

    /** Enqueues what brings the gradients of q, k and v from their copies to where they are wanted. */
    void deliver(ElementwiseKernels elementwise) {
        for (int i = 0; i < OUT; i++) {
            if (gradientCopied[i] && apart) {
                elementwise.addScaled(1, placedGradients[i], gradients[i]);
            } else if (gradientCopied[i]) {
                elementwise.copy(placedGradients[i], gradients[i]);
            }
        }
    }
}
