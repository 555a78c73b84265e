package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;

/** What a block adds to the residual stream: attention, or a feed-forward. Its input is the normalised stream, which backward gets again instead of saving it. */
interface Branch {

    /** out [T, D] of x [T, D]. */
    void forward(Tensor x, Tensor out, Pass pass);

    /**
     * Gradient.
     *
     * @param dOut [T, D], unchanged
     * @param x    the input of forward
     * @param dx   [T, D], overwritten; may be the same as {@code x}
     */
    void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass);
}
