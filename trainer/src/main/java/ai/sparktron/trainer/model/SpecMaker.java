package ai.sparktron.trainer.model;

import ai.sparktron.trainer.model.Dim.Kind;
import java.util.List;

/** Tensors and parameters as all parts of a decoder make them. */
final class SpecMaker {

    /** How random weights are scaled. */
    enum Scale {
        /** Deviation {@code initializer_range}. */
        PLAIN,
        /** Divided by sqrt(2 L): what writes to the residual stream. */
        RESIDUAL
    }

    private final ModelConfig config;

    SpecMaker(ModelConfig config) {
        this.config = config;
    }

    /** Embedding D. */
    Dim embed() {
        return Dim.of(Kind.EMBED, config.hiddenSize());
    }

    TensorSpec matrix(String name, Dim rows, Dim columns, Scale scale) {
        return matrix(name, rows, columns, scale, null);
    }

    TensorSpec matrix(String name, Dim rows, Dim columns, Scale scale, TensorSpec.Expert expert) {
        double deviation = config.initializerRange() / (scale == Scale.RESIDUAL ? Math.sqrt(2.0 * config.layers()) : 1);
        return new TensorSpec(name, List.of(rows, columns), Initialisation.normal(deviation), expert);
    }

    TensorSpec bias(String name, Dim dim) {
        return new TensorSpec(name, List.of(dim), Initialisation.constant(0));
    }

    ParameterSpec norm(String ours, String theirs, Dim dim) {
        return ParameterSpec.of(ours, new TensorSpec(theirs, List.of(dim), Initialisation.constant(1)));
    }
}
