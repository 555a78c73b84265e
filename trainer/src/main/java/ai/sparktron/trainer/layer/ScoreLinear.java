package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.RouterConfig;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A product whose result is float32 whatever the activations are: scores of a router or a gate. What it is computed in is {@code moe_router_dtype}'s to say. Its
 * weight's gradient is taken in float32 too; only what goes back to the stream is rounded to the stream's type, as everything there is.
 */
final class ScoreLinear {

    private final Parameter weight;
    private final ScoreAddition addition;
    private final RouterConfig.Arithmetic arithmetic;

    /**
     * @param weight     [E, D]
     * @param addition   to it; null = none
     * @param arithmetic of the product
     */
    ScoreLinear(Parameter weight, ScoreAddition addition, RouterConfig.Arithmetic arithmetic) {
        this.weight = weight;
        this.addition = addition;
        this.arithmetic = arithmetic;
    }

    /** Of its weight. */
    String name() {
        return weight.spec().name();
    }

    /** Type of scores beside activations of this type. */
    static DType type(Tensor activations) {
        return activations.dtype() == DType.F64 ? DType.F64 : DType.F32;
    }

    /** scores [T, E] of x [T, D]. */
    void forward(Tensor x, Tensor scores, Pass pass) {
        switch (arithmetic) {
            case FP32 -> pass.kernels().matmul(x, Transpose.NO, weight.value(), Transpose.YES, scores, Write.OVERWRITE);
            case FP64 -> pass.kernels().experts().wideLogits(x, weight.value(), scores);
            case NONE -> {
                try (Arena.Frame scratch = pass.scratch().open("scores")) {
                    Tensor rounded = scratch.tensor("scores.rounded", x.dtype(), scores.rows(), scores.columns());
                    pass.kernels().matmul(x, Transpose.NO, weight.value(), Transpose.YES, rounded, Write.OVERWRITE);
                    pass.kernels().copy(rounded, scores);
                }
            }
        }
        if (addition != null) {
            addition.forward(x, scores, pass);
        }
    }

    /** Rounds what was made of scores to the stream's type, where scores are rounded to it. */
    void round(Tensor made, DType stream, Pass pass) {
        if (arithmetic == RouterConfig.Arithmetic.NONE && made.dtype() != stream) {
            try (Arena.Frame scratch = pass.scratch().open("scores")) {
                Tensor rounded = scratch.tensor(made.name() + ".rounded", stream, made.rows(), made.columns());
                pass.kernels().copy(made, rounded);
                pass.kernels().copy(rounded, made);
            }
        }
    }

    /** Adds the weight's gradient, and those of its addition. */
    void parameterGrad(Tensor dScores, Tensor x, Pass pass) {
        if (weight.isTrained()) {
            addGradient(weight, dScores, x, pass);
        }
        if (addition != null) {
            addition.parameterGradients(dScores, x, pass);
        }
    }

    /** Adds dScores^T x to the gradient of a trained matrix, in the type of dScores; a gradient narrower than that (main_grads_dtype) is rounded once for each micro-batch. */
    static void addGradient(Parameter matrix, Tensor dScores, Tensor x, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("scores")) {
            Tensor gradient = matrix.gradient();
            Tensor sum = gradient.dtype() == x.dtype() ? gradient : as(dScores.dtype(), gradient, scratch, pass.kernels());
            pass.kernels().matmul(dScores, Transpose.YES, x, Transpose.NO, sum, Write.ACCUMULATE);
            if (sum != gradient) {
                pass.kernels().copy(sum, gradient);
            }
        }
    }

    /** dx [T, D] += the input's gradient. */
    void inputGrad(Tensor dScores, Tensor dx, Pass pass) {
        pass.kernels().matmul(dScores, Transpose.NO, weight.value(), Transpose.NO, dx, Write.ACCUMULATE);
        if (addition != null) {
            addition.inputGradient(dScores, dx, pass);
        }
    }

    /** A matrix in another type, in memory of {@code scratch} unless it has that type. */
    static Tensor as(DType dtype, Tensor x, Arena.Frame scratch, Kernels kernels) {
        if (x.dtype() == dtype) {
            return x;
        }
        Tensor converted = scratch.tensor(x.name() + ".converted", dtype, x.rows(), x.columns());
        kernels.copy(x, converted);
        return converted;
    }
}
