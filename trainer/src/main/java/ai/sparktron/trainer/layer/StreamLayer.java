package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;

/** A layer of the residual stream: pipeline stages are cut between two of these. */
interface StreamLayer {

    /**
     * Both tensors of {@code out} are written. Afterwards {@code in.delta()} holds the sum of {@code in} and belongs to this layer until its backward.
     */
    void forward(Stream in, Stream out, Pass pass);

    /**
     * Turns the gradient of the sum of {@code out} into the gradient of the sum of {@code in}, in place; parameters' gradients accumulate.
     *
     * @param gradient [T, D]
     */
    void backward(Tensor gradient, Pass pass);
}
