package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Shared experts whose output is multiplied by the sigmoid of a product with the token (Qwen2-MoE). Otherwise as {@link FeedForward}; the factor is multiplied in
 * before the down projection, where its gradient is at hand without the output.
 */
final class GatedExperts implements Branch {

    private static final RoutingRule GATE = RoutingRule.gate();

    private final String name;
    private final Linear gateUp;
    private final Linear down;
    private final ScoreLinear gate;
    private final Region region;

    /** @param gate to one score */
    GatedExperts(String name, Linear gateUp, Linear down, ScoreLinear gate, Region region) {
        this.name = name;
        this.gateUp = gateUp;
        this.down = down;
        this.gate = gate;
        this.region = region;
    }

    /** [gate | up] [T, 2F], logits [T, 1], and their sigmoids [T, 1] as the weights of a choice among one. */
    private record Kept(Tensor both, Tensor logits, Tensor chosen, Tensor factors) {
        private Tensor rowFactors() {
            return factors.reshape(Shape.of(factors.elements()));
        }
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        int tokens = region.tokensInside((int) x.rows());
        DType scores = ScoreLinear.type(x);
        try (Saved.Slot slot = pass.saved().push(name)) {
            Kept kept = new Kept(slot.tensor("gate_up", x.dtype(), tokens, gateUp.outputs()), slot.tensor("gate", scores, tokens, 1),
                    slot.tensor("gate.chosen", DType.I32, tokens, 1), slot.tensor("gate.factors", scores, tokens, 1));
            slot.keep(kept);
            try (Arena.Frame scratch = pass.scratch().open(name)) {
                Tensor entered = region.enter(x, scratch);
                gate.forward(entered, kept.logits(), pass);
                pass.kernels().experts().route(kept.logits(), null, null, GATE, kept.chosen(), kept.factors());
                gateUp.forward(entered, kept.both(), pass);
                Tensor activation = scratch.tensor("activation", x.dtype(), tokens, down.inputs());
                pass.kernels().experts().swiGluScaled(kept.both(), kept.rowFactors(), activation);
                Tensor partial = region.partial(out, scratch);
                down.forward(activation, partial, pass);
                region.exit(partial, out);
            }
        }
    }

    @Override
    public void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass) {
        try (Saved.Popped saved = pass.saved().pop(name); Arena.Frame scratch = pass.scratch().open(name)) {
            Kept kept = saved.as(Kept.class);
            Tensor dPartial = region.exitGrad(dOut, scratch);
            Tensor activation = scratch.tensor("activation", dOut.dtype(), kept.both().rows(), down.inputs());
            Tensor dFactors = scratch.tensor("factors.grad", kept.factors().dtype(), kept.both().rows());
            down.inputGradient(dPartial, activation, pass);
            pass.kernels().experts().swiGluScaledBackward(activation, kept.both(), kept.rowFactors(), dFactors);
            down.parameterGradients(dPartial, activation, pass);
            pass.kernels().experts().routeGrad(dFactors.reshape(kept.factors().shape()), kept.logits(), kept.chosen(), GATE, RouterPenalty.none(), kept.logits());
            Tensor entered = region.enter(x, scratch);
            gate.parameterGrad(kept.logits(), entered, pass);
            Tensor dEntered = region.enteredGradient(dx, scratch);
            gateUp.backward(kept.both(), entered, dEntered, pass);
            gate.inputGrad(kept.logits(), dEntered, pass);
            region.enterGrad(dEntered, dx);
        }
    }
}
