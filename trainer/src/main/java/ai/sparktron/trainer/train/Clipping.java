package ai.sparktron.trainer.train;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** Norm of a step's gradient and what it is multiplied by, made where the gradient is: no step waits for the host. */
final class Clipping {

    private final Engine engine;
    private final double clip;
    private final Tensor squares;
    private final Tensor factor;
    private final Tensor norm;

    /** @param clip largest norm, 0 = no clipping */
    Clipping(Engine engine, double clip, Arena.Frame run) {
        this.engine = engine;
        this.clip = clip;
        this.squares = run.tensor("sum of squared gradients", DType.F64, 1);
        this.factor = run.tensor("gradient factor", DType.F32, 1);
        this.norm = run.tensor("gradient norm", DType.F32, 1);
        engine.kernels().fill(squares, 0);
    }

    /** Float64 [1], zero at the start of a step: takes the sum of squares over all that holds a part of the model. */
    Tensor squares() {
        return squares;
    }

    /** Float32 [1] of the squares added up so far, which start again at zero. */
    Tensor factor(double denominator) {
        engine.kernels().gradientFactor(squares, denominator, clip, factor, norm);
        engine.kernels().fill(squares, 0);
        return factor;
    }

    /** Float32 [1]: norm of the mean gradient before clipping, of the last {@link #factor}. */
    Tensor norm() {
        return norm;
    }
}
