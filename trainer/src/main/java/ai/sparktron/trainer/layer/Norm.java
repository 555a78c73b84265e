package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Tensor;

/** RMSNorm of groups of columns as wide as its weight: rows of the residual stream, or heads of queries and keys. */
final class Norm {

    private final Parameter weight;
    private final float epsilon;

    Norm(Parameter weight, float epsilon) {
        this.weight = weight;
        this.epsilon = epsilon;
    }

    /** @param inverseRms float32 [T, groups], or null */
    void forward(Tensor x, Tensor out, Tensor inverseRms, Pass pass) {
        pass.kernels().rmsNorm(x, weight.value(), epsilon, out, inverseRms);
    }

    /**
     * Norm of the value of a stream; its sum is left in {@code in.delta()}, if there is one.
     *
     * @return the sum
     */
    Tensor forward(Stream in, Tensor out, Tensor inverseRms, Pass pass) {
        if (in.delta() == null) {
            forward(in.residual(), out, inverseRms, pass);
            return in.residual();
        }
        pass.kernels().addRmsNorm(in.delta(), in.residual(), weight.value(), epsilon, out, inverseRms);
        return in.delta();
    }

    void backward(Tensor dy, Tensor x, Tensor inverseRms, Tensor dx, Write write, Pass pass) {
        pass.kernels().rmsNormGrad(dy, x, weight.value(), inverseRms, dx, write, weight.gradient());
    }
}
