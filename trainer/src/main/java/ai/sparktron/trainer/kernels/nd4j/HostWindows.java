package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.tensor.Tensor;

/** Cuts tensors that a byte buffer cannot view (2 GiB) along their first dimension. */
final class HostWindows {

    static final long LIMIT_BYTES = 1L << 30;

    private HostWindows() {
    }

    /** What is done to {@code count} elements of a vector, or rows of a matrix. */
    interface Window {
        void at(long from, long count);
    }

    /** Calls {@code window} over all of a tensor's first dimension, in parts of at most {@link #LIMIT_BYTES}. */
    static void each(Tensor tensor, Window window) {
        long size = tensor.shape().rank() == 1 ? tensor.elements() : tensor.rows();
        long step = step(tensor);
        for (long from = 0; from < size; from += step) {
            window.at(from, Math.min(step, size - from));
        }
    }

    /** Whether a tensor needs to be cut. */
    static boolean isLarge(Tensor tensor) {
        return tensor.shape().rank() > 0 && (tensor.shape().rank() == 1 ? tensor.elements() : tensor.rows()) > step(tensor);
    }

    private static long step(Tensor tensor) {
        long unit = (tensor.shape().rank() == 1 ? 1 : Math.max(1, tensor.rowStride())) * tensor.dtype().sizeBytes();
        return Math.max(1, LIMIT_BYTES / unit);
    }
}
