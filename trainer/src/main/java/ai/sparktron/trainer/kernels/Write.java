package ai.sparktron.trainer.kernels;

/** How a kernel writes its result. Gradients of parameters accumulate, gradients of activations overwrite unless said otherwise. */
public enum Write {
    /** Old contents are replaced (and never read: they may be undefined). */
    OVERWRITE,
    /** The result is added to the old contents, in the result's type. */
    ACCUMULATE
}
