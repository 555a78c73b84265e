package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;

/** Runs layers forward again in backward ({@code recompute_granularity full}) and saves nothing of them but their input, which lies in the stream already. */
final class Recomputed implements StreamLayer {

    private final String name;
    private final StreamLayer layers;

    Recomputed(String name, StreamLayer layers) {
        this.name = name;
        this.layers = layers;
    }

    /** The summed input, and the output's memory, which the second run writes again with the same numbers. */
    private record Kept(Tensor in, Stream out) {
    }

    @Override
    public void forward(Stream in, Stream out, Pass pass) {
        try (Saved.Slot slot = pass.saved().push(name)) {
            Tensor sum = in.residual();
            if (in.delta() != null) {
                pass.kernels().add(in.delta(), in.residual(), in.delta());
                sum = in.delta();
            }
            slot.keep(new Kept(sum, out));
            try (Saved nothing = Saved.discarding(pass.scratch())) {
                layers.forward(new Stream(sum, null), out, pass.with(nothing));
            }
        }
    }

    @Override
    public void backward(Tensor gradient, Pass pass) {
        Kept kept = pass.saved().find(name, Kept.class);
        try (Saved again = pass.repeated()) {
            Pass second = pass.with(again);
            layers.forward(new Stream(kept.in(), null), kept.out(), second);
            layers.backward(gradient, second);
        }
        pass.saved().pop(name).close();
    }
}
