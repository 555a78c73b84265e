package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Fp8Kernels.Sums;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * {@link DenseLinear} with products in eight bits. Tensor cores want both operands with what is summed over as their columns, so the gradient of the input takes the
 * weight's transpose, and that of the weight the transposes of input and output gradient, which are made in the pass that quantises. Inputs are not kept in eight bits: what
 * is saved for backward is what it would be without.
 */
final class Fp8Linear implements Linear {

    private final Parameter weight;
    private final Parameter bias;
    private final Fp8 fp8;
    private final Fp8Weight quantised;
    private final Fp8Scaling inputs;
    private final Fp8Scaling gradients;

    /** @param bias null = none */
    Fp8Linear(Parameter weight, Parameter bias, Fp8 fp8) {
        this.weight = weight;
        this.bias = bias;
        this.fp8 = fp8;
        this.quantised = fp8.weight(weight);
        this.inputs = fp8.ofInputs(weight);
        this.gradients = fp8.ofGradients(weight);
        weight.mark().writtenFirst();
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("fp8")) {
            Quantised rows = Quantised.allocate(scratch, "fp8.x", DType.F8_E4M3, x.rows(), x.columns(), fp8.blocks());
            inputs.quantise(x, rows, null, scratch, pass);
            pass.kernels().fp8().product(rows, quantised.rows(fp8.version(), pass), out, Write.OVERWRITE, Sums.FAST);
        }
        if (bias != null) {
            pass.kernels().addBias(out, bias.value());
        }
    }

    /** The gradient of the output in eight bits; null what is not wanted. */
    private record Gradient(Quantised rows, Quantised turned) {
    }

    private enum Wanted { ROWS, TURNED, BOTH }

    private Gradient gradient(Tensor dy, Wanted wanted, Arena.Frame scratch, Pass pass) {
        DType type = fp8.settings().gradients();
        Gradient gradient = new Gradient(
                wanted == Wanted.TURNED ? null : Quantised.allocate(scratch, "fp8.dy", type, dy.rows(), dy.columns(), fp8.blocks()),
                wanted == Wanted.ROWS ? null : Quantised.allocateTurned(scratch, "fp8.dy.turned", type, dy.rows(), dy.columns(), fp8.blocks()));
        gradients.quantise(dy, gradient.rows(), gradient.turned(), scratch, pass);
        return gradient;
    }

    @Override
    public void backward(Tensor dy, Tensor x, Tensor dx, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("fp8")) {
            Gradient gradient = gradient(dy, weight.isTrained() ? Wanted.BOTH : Wanted.ROWS, scratch, pass);
            parameterGradients(dy, gradient.turned(), x, pass);
            inputGradient(gradient.rows(), dx, pass);
        }
    }

    @Override
    public void backward(Tensor dy, Tensor dx, Runnable makesInput, Tensor x, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("fp8")) {
            Gradient gradient = gradient(dy, weight.isTrained() ? Wanted.BOTH : Wanted.ROWS, scratch, pass);
            inputGradient(gradient.rows(), dx, pass);
            makesInput.run();
            parameterGradients(dy, gradient.turned(), x, pass);
        }
    }

    @Override
    public void parameterGradients(Tensor dy, Tensor x, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("fp8")) {
            parameterGradients(dy, weight.isTrained() ? gradient(dy, Wanted.TURNED, scratch, pass).turned() : null, x, pass);
        }
    }

    /** @param turned null where the weight is frozen */
    private void parameterGradients(Tensor dy, Quantised turned, Tensor x, Pass pass) {
        if (turned != null) {
            try (Arena.Frame scratch = pass.scratch().open("fp8")) {
                Quantised input = Quantised.allocateTurned(scratch, "fp8.x.turned", DType.F8_E4M3, x.rows(), x.columns(), fp8.blocks());
                inputs.quantise(x, null, input, scratch, pass);
                pass.kernels().fp8().product(turned, input, weight.gradient(), weight.mark().takeStale() ? Write.OVERWRITE : Write.ACCUMULATE, Sums.EXACT);
            }
        }
        if (bias != null && bias.isTrained()) {
            pass.kernels().addBiasGrad(dy, bias.gradient());
        }
    }

    @Override
    public void inputGradient(Tensor dy, Tensor dx, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("fp8")) {
            inputGradient(gradient(dy, Wanted.ROWS, scratch, pass).rows(), dx, pass);
        }
    }

    private void inputGradient(Quantised rows, Tensor dx, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open("fp8")) {
            pass.kernels().fp8().product(rows, quantised.turned(fp8.version(), scratch, pass), dx, Write.OVERWRITE, Sums.EXACT);
        }
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
