package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/** A layer that says when it uses its parameters. */
record Announced(StreamLayer layer, List<Parameter> parameters, ParameterUse use) implements StreamLayer {

    @Override
    public void forward(Stream in, Stream out, Pass pass) {
        use.beforeForward(parameters);
        layer.forward(in, out, pass);
    }

    @Override
    public void backward(Tensor gradient, Pass pass) {
        use.beforeBackward(parameters);
        layer.backward(gradient, pass);
        use.afterBackward(parameters);
    }
}
