package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.seam.TokenDispatcher;
import ai.sparktron.trainer.seam.TokenDispatcher.Dispatch;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Mixture of experts (arXiv 1701.06538): each token goes through the SwiGLU feed-forwards of the experts that the router chooses for it; their outputs are added,
 * weighted, and so is that of the shared experts. Letters are those of {@link ExpertKernels}.
 *
 * <p>Weights are multiplied in before the down projection, where their gradient is at hand without the experts' outputs. Saves [gate | up] of all places, weights
 * and routing; the activation is computed again, in the buffer of its own gradient, and tokens are picked again unless they came from other ranks.
 */
final class MixtureOfExperts implements Branch {

    private final String name;
    private final Router router;
    private final ExpertLinear gateUp;
    private final ExpertLinear down;
    private final Branch shared;
    private final TokenDispatcher dispatcher;
    private final long ffnSize;

    /**
     * @param gateUp to 2F columns: an expert's gate before its up projection
     * @param down   from F columns
     * @param shared sees every token; null = none
     */
    MixtureOfExperts(String name, Router router, ExpertLinear gateUp, ExpertLinear down, Branch shared, TokenDispatcher dispatcher) {
        this.name = name;
        this.router = router;
        this.gateUp = gateUp;
        this.down = down;
        this.shared = shared;
        this.dispatcher = dispatcher;
        this.ffnSize = down.inputs();
    }

    /**
     * Routing, [gate | up] [N, 2F], weights [N] and keys by place, and the rows [N, D] where they came from other ranks, otherwise null.
     */
    private record Kept(Router.Routed routed, Dispatch dispatch, ExpertLinear.Segments segments, Tensor both, Tensor factors, Tensor rows) {
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        ExpertKernels experts = pass.kernels().experts();
        boolean besideOthers;
        try (Saved.Slot slot = pass.saved().push(name)) {
            Router.Routed routed = router.forward(x, slot, pass);
            Dispatch dispatch = dispatcher.dispatch(routed.kept(), router.experts(), pass.engine(), pass.scratch(), slot.frame());
            long places = dispatch.places();
            Tensor factors = slot.tensor("factors", routed.weights().dtype(), places);
            Tensor both = slot.tensor("gate_up", x.dtype(), places, 2 * ffnSize);
            boolean keep = dispatch.travels() && pass.saved().isKeeping();
            Tensor kept = keep ? slot.tensor("rows", x.dtype(), places, x.columns()) : null;
            dispatch.factors(routed.weights(), factors);
            ExpertLinear.Segments segments = new ExpertLinear.Segments(dispatch.offsets(), keys(routed, dispatch, slot, pass));
            try (Arena.Frame scratch = pass.scratch().open(name)) {
                Tensor besides = beside(dispatch) ? scratch.tensor("shared", x.dtype(), x.rows(), x.columns()) : null;
                Tensor rows = keep ? kept : scratch.tensor("rows", x.dtype(), places, x.columns());
                if (besides == null) {
                    dispatch.rows(x, rows);
                } else {
                    dispatch.rows(x, rows, () -> shared.forward(x, besides, pass));
                }
                gateUp.forward(rows, segments, both, pass);
                Tensor activation = scratch.tensor("activation", x.dtype(), places, ffnSize);
                experts.swiGluScaled(both, factors, activation);
                Tensor made = keep ? scratch.tensor("made", x.dtype(), places, x.columns()) : rows;
                down.forward(activation, segments, made, pass);
                dispatch.sums(made, out, Write.OVERWRITE);
                if (besides != null) {
                    pass.kernels().add(out, besides, out);
                }
            }
            slot.keep(new Kept(routed, dispatch, segments, both, factors, kept));
            besideOthers = beside(dispatch);
        }
        if (shared != null && !besideOthers) {
            try (Arena.Frame scratch = pass.scratch().open(name)) {
                Tensor ofShared = scratch.tensor("shared", x.dtype(), x.rows(), x.columns());
                shared.forward(x, ofShared, pass);
                pass.kernels().add(out, ofShared, out);
            }
        }
    }

    /** Keys [N] of the tokens at their places; null where nothing is left out. */
    private Tensor keys(Router.Routed routed, Dispatch dispatch, Saved.Slot slot, Pass pass) {
        long tokens = routed.weights().rows();
        Tensor own = router.own(pass, tokens).batch().keys();
        if (own == null || !gateUp.leavesOut() && !down.leavesOut()) {
            return null;
        }
        Tensor keys = slot.tensor("keys", own.dtype(), dispatch.places());
        try (Arena.Frame scratch = pass.scratch().open(name + ".keys")) {
            Tensor ofSlots = scratch.tensor("keys.slots", own.dtype(), tokens, routed.weights().columns());
            for (int choice = 0; choice < ofSlots.columns(); choice++) {
                pass.kernels().copy(own.reshape(Shape.of(tokens, 1)), ofSlots.columns(choice, 1));
            }
            dispatch.factors(ofSlots, keys);
        }
        return keys;
    }

    @Override
    public void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open(name)) {
            Tensor dShared = shared == null ? null : scratch.tensor("shared.grad", x.dtype(), x.rows(), x.columns());
            Runnable ofShared = shared == null ? () -> { } : () -> shared.backward(dOut, x, dShared, pass);
            // What the shared experts saved lies on top: they are through with it when this layer's own is popped.
            Kept kept = pass.saved().find(name, Kept.class);
            boolean beside = beside(kept.dispatch());
            if (!beside) {
                ofShared.run();
            }
            Tensor dRows = scratch.tensor("rows.grad", x.dtype(), kept.dispatch().places(), x.columns());
            kept.dispatch().rows(dOut, dRows, beside ? ofShared : () -> { });
            try (Saved.Popped saved = pass.saved().pop(name)) {
                backward(saved.as(Kept.class), dRows, x, dx, scratch, pass);
            }
            if (shared != null) {
                pass.kernels().add(dx, dShared, dx);
            }
        }
    }

    /** Whether the shared experts run while tokens travel to the others. */
    private boolean beside(Dispatch dispatch) {
        return shared != null && dispatch.workMayGoOn();
    }

    /** @param dRows gradients of what the experts made, by place; overwritten */
    private void backward(Kept kept, Tensor dRows, Tensor x, Tensor dx, Arena.Frame scratch, Pass pass) {
        ExpertKernels experts = pass.kernels().experts();
        Dispatch dispatch = kept.dispatch();
        Tensor both = kept.both();
        Tensor dFactors = scratch.tensor("factors.grad", kept.factors().dtype(), dispatch.places());
        try (Arena.Frame inner = pass.scratch().open(name + ".experts")) {
            Tensor activation = inner.tensor("activation", x.dtype(), dispatch.places(), ffnSize);
            down.inputGradient(dRows, kept.segments(), activation, pass);
            experts.swiGluScaledBackward(activation, both, kept.factors(), dFactors);
            if (down.isTrained()) {
                down.parameterGradients(dRows, activation, kept.segments(), pass);
            }
        }
        if (gateUp.isTrained()) {
            Tensor rows = kept.rows();
            if (rows == null) {
                rows = dRows;
                dispatch.rows(x, rows);
            }
            gateUp.parameterGradients(both, rows, kept.segments(), pass);
        }
        gateUp.inputGradient(both, kept.segments(), dRows, pass);
        Tensor dWeights = scratch.tensor("weights.grad", kept.factors().dtype(), kept.routed().weights().rows(), kept.routed().weights().columns());
        dispatch.factorsGrad(dFactors, dWeights);
        router.backward(dWeights, kept.routed(), x, pass);
        // dx may be x, which nothing reads from here on.
        dispatch.sums(dRows, dx, Write.OVERWRITE);
        router.inputGrad(kept.routed(), dx, pass);
    }
}
