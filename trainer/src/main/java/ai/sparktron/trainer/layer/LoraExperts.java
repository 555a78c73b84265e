package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * Experts' matrices with low-rank additions, {@link LoraLinear} for all experts held here: the A of an expert's parts lie one below the other and experts below
 * each other, the B of each part are a parameter of their own, so that each is one grouped product for all experts.
 *
 * <p>Where experts are cut, x A^T or its gradient is this rank's share of a sum, as in {@link LoraLinear}: the sum is taken where tokens come back, and for A and B
 * where gradients are completed.
 */
final class LoraExperts implements ExpertLinear {

    private final ExpertLinear base;
    private final Parameter a;
    private final long ranks;
    private final List<PartAddition> additions;
    private final Dropout dropout;

    /**
     * The product with experts' matrices with the additions they have; the base itself when they have none.
     *
     * @param weight     of the base, all experts held here
     * @param parameters hold those of the additions
     */
    static ExpertLinear over(ExpertLinear base, Parameter weight, Parameters parameters, Adapters adapters) {
        ParameterSpec spec = weight.spec();
        if (!adapters.touch(spec)) {
            return base;
        }
        int experts = (int) spec.parts().stream().map(part -> part.expert().index()).distinct().count();
        List<PartAddition> additions = PartAddition.of(weight, spec.parts().size() / experts, parameters, adapters);
        long rank = additions.stream().mapToLong(PartAddition::rank).sum();
        return new LoraExperts(base, parameters.get(Adapters.aName(spec)), rank, additions,
                Dropout.at(spec.name(), adapters.dropout(), adapters.seed()));
    }

    /**
     * @param a       [E' R, inputs]
     * @param ranks   R, of all parts of an expert
     * @param dropout of the rows
     */
    private LoraExperts(ExpertLinear base, Parameter a, long ranks, List<PartAddition> additions, Dropout dropout) {
        this.base = base;
        this.a = a;
        this.ranks = ranks;
        this.additions = additions;
        this.dropout = dropout;
    }

    @Override
    public void forward(Tensor rows, Segments segments, Tensor out, Pass pass) {
        base.forward(rows, segments, out, pass);
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor low = low(dropout.forward(rows, segments.keys(), slice(), scratch, pass), segments.offsets(), scratch, pass.kernels());
            for (PartAddition addition : additions) {
                pass.kernels().experts().groupedMatmul(columns(low, addition), segments.offsets(), addition.b().value(), Transpose.YES, part(out, addition),
                        Write.ACCUMULATE);
            }
        }
    }

    @Override
    public boolean isTrained() {
        return base.isTrained() || a.isTrained() || additions.stream().anyMatch(addition -> addition.b().isTrained());
    }

    @Override
    public boolean leavesOut() {
        return dropout.probability() > 0;
    }

    @Override
    public void parameterGradients(Tensor dy, Tensor rows, Segments segments, Pass pass) {
        base.parameterGradients(dy, rows, segments, pass);
        ExpertKernels experts = pass.kernels().experts();
        Tensor offsets = segments.offsets();
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor dropped = dropout.forward(rows, segments.keys(), slice(), scratch, pass);
            Tensor low = low(dropped, offsets, scratch, pass.kernels());
            for (PartAddition addition : additions) {
                if (addition.b().isTrained()) {
                    experts.groupedMatmulGrad(part(dy, addition), columns(low, addition), offsets, addition.b().gradient(), Write.ACCUMULATE);
                }
            }
            if (a.isTrained()) {
                experts.groupedMatmulGrad(lowGradient(dy, offsets, scratch, pass.kernels()), dropped, offsets, a.gradient(), Write.ACCUMULATE);
            }
        }
    }

    @Override
    public void inputGradient(Tensor dy, Segments segments, Tensor dRows, Pass pass) {
        base.inputGradient(dy, segments, dRows, pass);
        Kernels kernels = pass.kernels();
        Tensor offsets = segments.offsets();
        try (Arena.Frame scratch = pass.scratch().open("lora")) {
            Tensor dLow = lowGradient(dy, offsets, scratch, kernels);
            if (!dropout.isActive(segments.keys())) {
                kernels.experts().groupedMatmul(dLow, offsets, a.value(), Transpose.NO, dRows, Write.ACCUMULATE);
            } else {
                // What was left out of the input has no gradient.
                Tensor dropped = scratch.tensor("dropped.grad", dRows.dtype(), dRows.rows(), dRows.columns());
                kernels.experts().groupedMatmul(dLow, offsets, a.value(), Transpose.NO, dropped, Write.OVERWRITE);
                dropout.backward(dropped, segments.keys(), slice(), pass);
                kernels.add(dRows, dropped, dRows);
            }
        }
    }

    /** Says which columns of the inputs are here. */
    private TensorSlice slice() {
        return a.slices().get(0);
    }

    /** Gradient [N, R] of scale * x A^T. */
    private Tensor lowGradient(Tensor dy, Tensor offsets, Arena.Frame scratch, Kernels kernels) {
        Tensor dLow = scratch.tensor("low.grad", dy.dtype(), dy.rows(), ranks);
        for (PartAddition addition : additions) {
            kernels.experts().groupedMatmul(part(dy, addition), offsets, addition.b().value(), Transpose.NO, columns(dLow, addition), Write.OVERWRITE);
            kernels.scale(columns(dLow, addition), addition.scale());
        }
        return dLow;
    }

    /** scale * x A^T, [N, R]. */
    private Tensor low(Tensor x, Tensor offsets, Arena.Frame scratch, Kernels kernels) {
        Tensor low = scratch.tensor("low", x.dtype(), x.rows(), ranks);
        kernels.experts().groupedMatmul(x, offsets, a.value(), Transpose.YES, low, Write.OVERWRITE);
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
    public long inputs() {
        return base.inputs();
    }
}
