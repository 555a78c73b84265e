package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A product whose result is float32 whatever the activations are: scores of a router or a gate. Its weight's gradient is taken in float32 too; only what goes back
 * to the stream is rounded to the stream's type, as everything there is.
 */
final class ScoreLinear {

    private final Parameter weight;

    /** @param weight [E, D] */
    ScoreLinear(Parameter weight) {
        this.weight = weight;
    }

    /** Type of scores beside activations of this type. */
    static DType type(Tensor activations) {
        return activations.dtype() == DType.F64 ? DType.F64 : DType.F32;
    }

    /** scores [T, E] of x [T, D]. */
    void forward(Tensor x, Tensor scores, Pass pass) {
        pass.kernels().matmul(x, Transpose.NO, weight.value(), Transpose.YES, scores, Write.OVERWRITE);
    }

    /** Adds the weight's gradient. */
    void parameterGrad(Tensor dScores, Tensor x, Pass pass) {
        if (!weight.isTrained()) {
            return;
        }
        try (Arena.Frame scratch = pass.scratch().open("scores")) {
            pass.kernels().matmul(dScores, Transpose.YES, as(dScores.dtype(), x, scratch, pass.kernels()), Transpose.NO, weight.gradient(), Write.ACCUMULATE);
        }
    }

    /** dx [T, D] += the input's gradient. */
    void inputGrad(Tensor dScores, Tensor dx, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("scores")) {
            pass.kernels().matmul(as(dx.dtype(), dScores, scratch, pass.kernels()), Transpose.NO, weight.value(), Transpose.NO, dx, Write.ACCUMULATE);
        }
    }

    private static Tensor as(DType dtype, Tensor x, Arena.Frame scratch, Kernels kernels) {
        if (x.dtype() == dtype) {
            return x;
        }
        Tensor converted = scratch.tensor(x.name() + ".converted", dtype, x.rows(), x.columns());
        kernels.copy(x, converted);
        return converted;
    }
}
