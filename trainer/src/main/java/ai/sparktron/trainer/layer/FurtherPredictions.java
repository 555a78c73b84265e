package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/** The layers behind the last one that predict tokens further on, each on top of the one before. They run in training alone. */
final class FurtherPredictions {

    private final List<FurtherPrediction> layers;

    /** @param layers the one for the nearest token first; may be empty */
    FurtherPredictions(List<FurtherPrediction> layers) {
        this.layers = List.copyOf(layers);
    }

    /** Adds their losses, if the pass asks for them. @param stream [T, D], value of the decoder's stream */
    void forward(Tensor stream, Pass pass) {
        Tensor below = stream;
        for (int i = 0; i < pass.furtherPredictions(); i++) {
            below = layers.get(i).forward(below, pass);
        }
    }

    /** Adds to the gradient [T, D] of the decoder's stream. */
    void backward(Tensor gradient, Pass pass) {
        for (int i = pass.furtherPredictions() - 1; i >= 0; i--) {
            layers.get(i).backward(i == 0 ? gradient : layers.get(i - 1).gradient(pass), pass);
        }
    }
}
