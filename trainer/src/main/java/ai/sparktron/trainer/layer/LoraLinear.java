package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * A linear with low-rank additions: out += scale * (drop(x) A^T) B^T for each part of its outputs that has one (arXiv 2106.09685). One product with the A of all
 * parts, then one with the B of each. Nothing is saved: x A^T is so small that backward makes it again.
 *
 * <p>Where inputs or outputs are cut, x A^T or its gradient is this rank's share of a sum: everything behind it is linear, so the sum may be taken where the
 * region takes that of the base, and for A and B where gradients are completed.
 */
final class LoraLinear implements Linear {

    private final Linear base;
    private final Parameter a;
    private final List<PartAddition> additions;
    private final Dropout dropout;

    /**
     * The linear of a weight with the additions it has; the base itself when it has none.
     *
     * @param parameters hold those of the additions
     */
    static Linear over(Linear base, Parameter weight, Parameters parameters, Adapters adapters) {
        ParameterSpec spec = weight.spec();
        if (!adapters.touch(spec)) {
            return base;
        }
        Parameter a = parameters.get(Adapters.aName(spec));
        List<PartAddition> additions = PartAddition.of(weight, spec.parts().size(), parameters, adapters);
        return new LoraLinear(base, a, additions, Dropout.at(spec.name(), adapters.dropout(), adapters.seed()));
    }

    /**
     * @param a       [R, in], the A of all parts
     * @param dropout of the input
     */
    private LoraLinear(Linear base, Parameter a, List<PartAddition> additions, Dropout dropout) {
        this.base = base;
        this.a = a;
        this.additions = additions;
        this.dropout = dropout;
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        base.forward(x, out, pass);
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor low = low(dropout.forward(x, a.slices().get(0), scratch, pass), scratch, pass.kernels());
            for (PartAddition addition : additions) {
                pass.kernels().matmul(columns(low, addition), Transpose.NO, addition.b().value(), Transpose.YES, part(out, addition), Write.ACCUMULATE);
            }
        }
    }

    @Override
    public void parameterGradients(Tensor dy, Tensor x, Pass pass) {
        Kernels kernels = pass.kernels();
        base.parameterGradients(dy, x, pass);
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor dropped = dropout.forward(x, a.slices().get(0), scratch, pass);
            Tensor low = low(dropped, scratch, kernels);
            for (PartAddition addition : additions) {
                if (addition.b().isTrained()) {
                    kernels.matmul(part(dy, addition), Transpose.YES, columns(low, addition), Transpose.NO, addition.b().gradient(), Write.ACCUMULATE);
                }
            }
            if (a.isTrained()) {
                kernels.matmul(lowGradient(dy, scratch, kernels), Transpose.YES, dropped, Transpose.NO, a.gradient(), Write.ACCUMULATE);
            }
        }
    }

    @Override
    public void inputGradient(Tensor dy, Tensor dx, Pass pass) {
        Kernels kernels = pass.kernels();
        base.inputGradient(dy, dx, pass);
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor dLow = lowGradient(dy, scratch, kernels);
            if (!dropout.isActive(pass)) {
                kernels.matmul(dLow, Transpose.NO, a.value(), Transpose.NO, dx, Write.ACCUMULATE);
            } else {
                // What was left out of the input has no gradient.
                Tensor dropped = scratch.tensor("dropped.grad", dx.dtype(), dx.rows(), dx.columns());
                kernels.matmul(dLow, Transpose.NO, a.value(), Transpose.NO, dropped, Write.OVERWRITE);
                dropout.backward(dropped, a.slices().get(0), pass);
                kernels.add(dx, dropped, dx);
            }
        }
    }

    /** Gradient [T, R] of scale * x A^T. So small that both halves of backward make it. */
    private Tensor lowGradient(Tensor dy, Arena.Frame scratch, Kernels kernels) {
        Tensor dLow = scratch.tensor("low.grad", dy.dtype(), dy.rows(), a.value().rows());
        for (PartAddition addition : additions) {
            kernels.matmul(part(dy, addition), Transpose.NO, addition.b().value(), Transpose.NO, columns(dLow, addition), Write.OVERWRITE);
            kernels.scale(columns(dLow, addition), addition.scale());
        }
        return dLow;
    }

    /** scale * x A^T, [T, R]. */
    private Tensor low(Tensor x, Arena.Frame scratch, Kernels kernels) {
        Tensor low = scratch.tensor("low", x.dtype(), x.rows(), a.value().rows());
        kernels.matmul(x, Transpose.NO, a.value(), Transpose.YES, low, Write.OVERWRITE);
        additions.forEach(addition -> kernels.scale(columns(low, addition), addition.scale()));
        return low;
    }

    private static Tensor columns(Tensor low, PartAddition addition) {
        return low.columns(addition.firstRank(), addition.rank());
    }

    private static Tensor part(Tensor outputs, PartAddition addition) {
        return outputs.columns(addition.firstOutput(), addition.outputs());
    }

    @Override
    public long outputs() {
        return base.outputs();
    }

    @Override
    public long inputs() {
        return base.inputs();
    }
}
