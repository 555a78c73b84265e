package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A low-rank addition to a {@link ScoreLinear}: scores += scale * (drop(x) A^T) B^T, in the scores' type.
 *
 * @param a       [r, D]
 * @param b       [E, r]
 * @param scale   of the product
 * @param dropout of the input
 */
record ScoreAddition(Parameter a, Parameter b, float scale, Dropout dropout) {

    /** That of a weight of one tensor; null when it has none. */
    static ScoreAddition of(Parameter weight, Parameters parameters, Adapters adapters) {
        ParameterSpec spec = weight.spec();
        TensorSpec tensor = spec.parts().get(0);
        LowRank addition = adapters.of(tensor);
        return addition == null ? null : new ScoreAddition(parameters.get(Adapters.aName(spec)), parameters.get(Adapters.bName(spec, tensor)),
                (float) addition.scale(), Dropout.at(spec.name(), adapters.dropout(), adapters.seed()));
    }

    void forward(Tensor x, Tensor scores, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor low = low(dropout.forward(x, a.slices().get(0), scratch, pass), scores, scratch, pass);
            pass.kernels().matmul(low, Transpose.NO, ScoreLinear.as(scores.dtype(), b.value(), scratch, pass.kernels()), Transpose.YES, scores, Write.ACCUMULATE);
        }
    }

    void parameterGradients(Tensor dScores, Tensor x, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor dropped = dropout.forward(x, a.slices().get(0), scratch, pass);
            if (b.isTrained()) {
                ScoreLinear.addGradient(b, dScores, low(dropped, dScores, scratch, pass), pass);
            }
            if (a.isTrained()) {
                ScoreLinear.addGradient(a, lowGradient(dScores, scratch, pass), dropped, pass);
            }
        }
    }

    /** dx [T, D] += the input's gradient. */
    void inputGradient(Tensor dScores, Tensor dx, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor dLow = ScoreLinear.as(dx.dtype(), lowGradient(dScores, scratch, pass), scratch, pass.kernels());
            if (!dropout.isActive(pass)) {
                pass.kernels().matmul(dLow, Transpose.NO, a.value(), Transpose.NO, dx, Write.ACCUMULATE);
            } else {
                Tensor dropped = scratch.tensor("dropped.grad", dx.dtype(), dx.rows(), dx.columns());
                pass.kernels().matmul(dLow, Transpose.NO, a.value(), Transpose.NO, dropped, Write.OVERWRITE);
                dropout.backward(dropped, a.slices().get(0), pass);
                pass.kernels().add(dx, dropped, dx);
            }
        }
    }

    /** scale * x A^T, [T, r]. */
    private Tensor low(Tensor x, Tensor scores, Arena.Frame scratch, Pass pass) {
        Tensor low = scratch.tensor("low", scores.dtype(), x.rows(), a.value().rows());
        pass.kernels().matmul(x, Transpose.NO, a.value(), Transpose.YES, low, Write.OVERWRITE);
        pass.kernels().scale(low, scale);
        return low;
    }

    /** Gradient [T, r] of x A^T. */
    private Tensor lowGradient(Tensor dScores, Arena.Frame scratch, Pass pass) {
        Tensor dLow = scratch.tensor("low.grad", dScores.dtype(), dScores.rows(), a.value().rows());
        pass.kernels().matmul(dScores, Transpose.NO, ScoreLinear.as(dScores.dtype(), b.value(), scratch, pass.kernels()), Transpose.NO, dLow, Write.OVERWRITE);
        pass.kernels().scale(dLow, scale);
        return dLow;
    }
}
