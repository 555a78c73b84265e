package ai.sparktron.trainer.train;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.model.GradientMark;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Gradients at the borders of steps: those that a product writes first are only marked, which saves a pass over most of them; the others are cleared. */
final class FreshGradients {

    private final Kernels kernels;
    private final Parameters parameters;
    private List<Tensor> ranges;

    FreshGradients(Kernels kernels, Parameters parameters) {
        this.kernels = kernels;
        this.parameters = parameters;
    }

    /** A step begins. Gaps between parameters stay zero, since nothing writes them. */
    void begin() {
        if (ranges == null) { // All layers are there by now and have said what they write first.
            ranges = cleared();
        }
        ranges.forEach(range -> kernels.fill(range, 0));
        parameters.all().forEach(parameter -> parameter.mark().begin());
    }

    /** Runs of gradients that no product writes first, with the gaps between them. */
    private List<Tensor> cleared() {
        List<Parameter> trained = parameters.all().stream().filter(Parameter::isTrained).sorted(Comparator.comparingLong(Parameter::offset)).toList();
        List<Tensor> ranges = new ArrayList<>();
        long from = -1;
        long to = 0;
        for (Parameter parameter : trained) {
            if (!parameter.mark().isWrittenFirst()) {
                from = from < 0 ? parameter.offset() : from;
                to = parameter.offset() + parameter.gradient().elements();
            } else if (from >= 0) {
                ranges.add(parameters.gradient().rows(from, to - from));
                from = -1;
            }
        }
        if (from >= 0) {
            ranges.add(parameters.gradient().rows(from, to - from));
        }
        return ranges;
    }

    /** The step is through with a parameter: its gradient is this step's, also where no product came. */
    static void complete(Kernels kernels, Parameter parameter) {
        GradientMark mark = parameter.mark();
        if (mark.takeStale()) {
            kernels.fill(parameter.gradient(), 0);
        }
    }
}
