package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/** SwiGLU feed-forward: down(silu(gate(x)) * up(x)). Saves [gate | up]; the activation is computed again, in the buffer of its own gradient. */
final class FeedForward implements Branch {

    private final String name;
    private final Linear gateUp;
    private final Linear down;
    private final Parameter downBias;
    private final Region region;

    /** @param downBias added after the region's sum, once; null = none */
    FeedForward(String name, Linear gateUp, Linear down, Parameter downBias, Region region) {
        this.name = name;
        this.gateUp = gateUp;
        this.down = down;
        this.downBias = downBias;
        this.region = region;
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        int tokens = region.tokensInside((int) x.rows());
        try (Saved.Slot slot = pass.saved().push(name)) {
            Tensor both = slot.tensor("gate_up", x.dtype(), tokens, gateUp.outputs());
            slot.keep(both);
            try (Arena.Frame scratch = pass.scratch().open(name)) {
                gateUp.forward(region.enter(x, scratch), both, pass);
                Tensor activation = scratch.tensor("activation", x.dtype(), tokens, down.inputs());
                pass.kernels().swiGlu(both, activation);
                Tensor partial = region.partial(out, scratch);
                down.forward(activation, partial, pass);
                region.exit(partial, out);
            }
            if (downBias != null) {
                pass.kernels().addBias(out, downBias.value());
            }
        }
    }

    @Override
    public void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass) {
        try (Saved.Popped saved = pass.saved().pop(name); Arena.Frame scratch = pass.scratch().open(name)) {
            Tensor both = saved.as(Tensor.class);
            if (downBias != null && downBias.isTrained()) {
                pass.kernels().addBiasGrad(dOut, downBias.gradient());
            }
            Tensor dPartial = region.exitGrad(dOut, scratch);
            Tensor activation = scratch.tensor("activation", dOut.dtype(), both.rows(), down.inputs());
            down.backward(dPartial, activation, () -> pass.kernels().swiGluBackward(activation, both), activation, pass);
            Tensor entered = region.enter(x, scratch);
            Tensor dEntered = region.enteredGradient(dx, scratch);
            gateUp.backward(both, entered, dEntered, pass);
            region.enterGrad(dEntered, dx);
        }
    }
}
