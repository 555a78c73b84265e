package ai.sparktron.trainer.train;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.model.GradientMark;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Gradients where a step begins, or a pass whose gradients are a sum of their own: those that a product writes first are only marked, which saves a pass over most of them; the others are cleared. */
final class FreshGradients {

    private final Kernels kernels;
    private final Parameters parameters;
    private List<Tensor> ranges;

    FreshGradients(Kernels kernels, Parameters parameters) {
        this.kernels = kernels;
        this.parameters = parameters;
    }

    /** What the gradients hold is another step's, or another's: all that no product writes first is cleared, with the gaps between parameters. */
    void begin() {
        if (ranges == null) { // All layers are there by now and have said what they write first.
            ranges = cleared();
        }
        ranges.forEach(range -> kernels.fill(range, 0));
        parameters.all().forEach(parameter -> parameter.mark().begin());
    }

    private List<Tensor> cleared() {
        List<Parameter> written = parameters.all().stream().filter(Parameter::isTrained).filter(parameter -> parameter.mark().isWrittenFirst())
                .sorted(Comparator.comparingLong(Parameter::offset)).toList();
        List<Tensor> ranges = new ArrayList<>();
        long from = 0;
        for (Parameter parameter : written) {
            add(ranges, from, parameter.offset());
            from = parameter.offset() + parameter.gradient().elements();
        }
        add(ranges, from, parameters.gradient().elements());
        return ranges;
    }

    private void add(List<Tensor> ranges, long from, long to) {
        if (to > from) {
            ranges.add(parameters.gradient().rows(from, to - from));
        }
    }

    /** The step is through with a parameter: its gradient is this step's, also where no product came. */
    static void complete(Kernels kernels, Parameter parameter) {
        GradientMark mark = parameter.mark();
        if (mark.takeStale()) {
            kernels.fill(parameter.gradient(), 0);
        }
    }
}
