package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/** Layers one after the other. Gives each but the last the stream it writes: memory of its own where it is saved, two in turn where it is not. */
final class Chain implements StreamLayer {

    private final String name;
    private final List<StreamLayer> layers;

    Chain(String name, List<StreamLayer> layers) {
        if (layers.isEmpty()) {
            throw new IllegalStateException("chain " + name + " has no layer");
        }
        this.name = name;
        this.layers = List.copyOf(layers);
    }

    @Override
    public void forward(Stream in, Stream out, Pass pass) {
        if (pass.saved().isKeeping()) {
            forwardKeeping(in, out, pass);
        } else {
            forwardDiscarding(in, out, pass);
        }
    }

    private void forwardKeeping(Stream in, Stream out, Pass pass) {
        Stream from = in;
        for (int i = 0; i < layers.size(); i++) {
            Stream to = out;
            if (i + 1 < layers.size()) {
                try (Saved.Slot slot = pass.saved().push(name)) {
                    to = stream(slot, out);
                }
            }
            layers.get(i).forward(from, to, pass);
            from = to;
        }
    }

    private void forwardDiscarding(Stream in, Stream out, Pass pass) {
        try (Saved.Slot slot = pass.saved().push(name)) {
            Stream[] turns = new Stream[Math.min(2, layers.size() - 1)];
            for (int i = 0; i < turns.length; i++) {
                turns[i] = stream(slot, out);
            }
            Stream from = in;
            for (int i = 0; i < layers.size(); i++) {
                Stream to = i + 1 < layers.size() ? turns[i % 2] : out;
                layers.get(i).forward(from, to, pass);
                from = to;
            }
        }
    }

    private static Stream stream(Saved.Slot slot, Stream like) {
        Tensor shape = like.residual();
        return new Stream(slot.tensor("stream", shape.dtype(), shape.rows(), shape.columns()),
                slot.tensor("stream.delta", shape.dtype(), shape.rows(), shape.columns()));
    }

    @Override
    public void backward(Tensor gradient, Pass pass) {
        for (int i = layers.size() - 1; i >= 0; i--) {
            layers.get(i).backward(gradient, pass);
            if (i + 1 < layers.size()) {
                pass.saved().pop(name).close();
            }
        }
    }
}
