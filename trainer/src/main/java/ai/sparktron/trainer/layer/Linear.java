package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;

/** A matrix product of the model; LoRA wraps one. */
public interface Linear {

    /** out [T, rows] = x [T, columns] W^T. */
    void forward(Tensor x, Tensor out, Pass pass);

    /**
     * Gradients of the parameters first, then of the input.
     *
     * @param dy [T, rows], unchanged
     * @param x  the input of forward
     * @param dx [T, columns], overwritten; may be the same as {@code x}, which the gradients of the parameters have then used already
     */
    default void backward(Tensor dy, Tensor x, Tensor dx, Pass pass) {
        parameterGradients(dy, x, pass);
        inputGradient(dy, dx, pass);
    }

    /**
     * As the other, for who has the input only after its gradient.
     *
     * @param makesInput writes {@code x}, when {@code dx} is there
     * @param x          may be the same as {@code dx}
     */
    default void backward(Tensor dy, Tensor dx, Runnable makesInput, Tensor x, Pass pass) {
        inputGradient(dy, dx, pass);
        makesInput.run();
        parameterGradients(dy, x, pass);
    }

    /** The half of {@link #backward} that gives the gradients of the parameters. */
    void parameterGradients(Tensor dy, Tensor x, Pass pass);

    /** The half of {@link #backward} that gives dx [T, columns], overwritten. */
    void inputGradient(Tensor dy, Tensor dx, Pass pass);

    /** Columns of the result here. */
    long outputs();

    /** Columns of the input here. */
    long inputs();
}
