package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Tensor;

/** A product with a weight of the model, and a bias where there is one. A frozen weight costs no gradient product. */
final class DenseLinear implements Linear {

    private final Parameter weight;
    private final Parameter bias;

    /** @param bias null = none */
    DenseLinear(Parameter weight, Parameter bias) {
        this.weight = weight;
        this.bias = bias;
        weight.mark().writtenFirst();
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        if (bias == null) {
            pass.kernels().matmul(x, Transpose.NO, weight.value(), Transpose.YES, out, Write.OVERWRITE);
        } else {
            pass.kernels().linear(x, weight.value(), bias.value(), out);
        }
    }

    @Override
    public void parameterGradients(Tensor dy, Tensor x, Pass pass) {
        if (weight.isTrained()) {
            pass.kernels().matmul(dy, Transpose.YES, x, Transpose.NO, weight.gradient(), weight.mark().takeStale() ? Write.OVERWRITE : Write.ACCUMULATE);
        }
        if (bias != null && bias.isTrained()) {
            pass.kernels().addBiasGrad(dy, bias.gradient());
        }
    }

    @Override
    public void inputGradient(Tensor dy, Tensor dx, Pass pass) {
        pass.kernels().matmul(dy, Transpose.NO, weight.value(), Transpose.NO, dx, Write.OVERWRITE);
    }

    @Override
    public long outputs() {
        return weight.value().rows();
    }

    @Override
    public long inputs() {
        return weight.value().columns();
    }
}
