package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Adds low-rank additions to the weights they belong to, in memory, so that a model runs as fast as without: W += scale * B A. */
final class AdapterMerge {

    private final Adapters adapters;
    private final Kernels kernels;

    AdapterMerge(Adapters adapters, Engine engine) {
        this.adapters = adapters;
        this.kernels = engine.kernels();
    }

    /** The parameters of the additions alone. @param model parameters of the whole model */
    List<ParameterSpec> additions(List<ParameterSpec> model) {
        Set<String> own = model.stream().map(ParameterSpec::name).collect(Collectors.toSet());
        return adapters.addTo(model).stream().filter(parameter -> !own.contains(parameter.name())).toList();
    }

    /**
     * Changes the values of a model's parameters.
     *
     * @param additions those of {@link #additions}, changed too
     */
    void into(Parameters model, Parameters additions) {
        for (Parameter weight : model.all()) {
            if (adapters.touch(weight.spec())) {
                add(weight, additions);
            }
        }
    }

    private void add(Parameter weight, Parameters additions) {
        Parameter first = additions.get(Adapters.aName(weight.spec()));
        int held = 0;
        Map<String, Integer> places = new HashMap<>(); // of parts in the parameters that hold their B: those of experts share one
        for (int part = 0; part < weight.slices().size(); part++) {
            TensorSpec tensor = weight.spec().parts().get(part);
            LowRank addition = adapters.of(tensor);
            if (addition == null) {
                continue;
            }
            Tensor a = first.part(held++);
            String second = Adapters.bName(weight.spec(), tensor);
            Tensor b = additions.get(second).part(places.merge(second, 1, Integer::sum) - 1);
            kernels.scale(b, (float) addition.scale());
            if (Adapters.isTable(tensor)) {
                kernels.matmul(a, Transpose.NO, b, Transpose.YES, weight.part(part), Write.ACCUMULATE);
            } else {
                kernels.matmul(b, Transpose.NO, a, Transpose.NO, weight.part(part), Write.ACCUMULATE);
            }
        }
    }
}
