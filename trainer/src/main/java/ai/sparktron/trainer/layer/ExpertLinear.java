package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * Products of tokens with the matrices of the experts they go to, those of each expert with its own. Letters are those of
 * {@link ai.sparktron.trainer.kernels.ExpertKernels}: rows lie by place.
 */
interface ExpertLinear {

    /**
     * Whose rows are whose.
     *
     * @param offsets I32 [E' + 1], where the rows of each expert begin
     * @param keys    float32 [N], {@link TokenBatch#keys} of the tokens; null = nothing is left out
     */
    record Segments(Tensor offsets, Tensor keys) {
    }

    /** out [N, outputs] = rows [N, inputs] times the matrices of their experts. */
    void forward(Tensor rows, Segments segments, Tensor out, Pass pass);

    /** Whether {@link #parameterGradients} has anything to do: otherwise its operands need not be at hand. */
    boolean isTrained();

    /** Whether elements of rows are left out at random: then segments have keys in training. */
    boolean leavesOut();

    /**
     * Adds the gradients of what is trained.
     *
     * @param dy   gradient [N, outputs]
     * @param rows those of forward
     */
    void parameterGradients(Tensor dy, Tensor rows, Segments segments, Pass pass);

    /** dRows [N, inputs] = the gradient of the rows. */
    void inputGradient(Tensor dy, Segments segments, Tensor dRows, Pass pass);

    /** Columns of the rows. */
    long inputs();
}
