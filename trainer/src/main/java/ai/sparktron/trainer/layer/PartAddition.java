package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * The low-rank addition to one part of a weight's outputs, such as keys of a merged projection or gates of each expert.
 *
 * @param firstOutput column of the outputs where the part begins
 * @param outputs     of the part held here
 * @param firstRank   row of A where the part's A begins
 * @param rank        r
 * @param b           [outputs, r]; of experts those of all held here, one below the other
 * @param scale       of the product
 */
record PartAddition(long firstOutput, long outputs, long firstRank, int rank, Parameter b, float scale) {

    /**
     * Those of a weight.
     *
     * @param parts      the first parts of the weight that are looked at: all, or one expert's
     * @param parameters hold those of the additions
     */
    static List<PartAddition> of(Parameter weight, int parts, Parameters parameters, Adapters adapters) {
        ParameterSpec spec = weight.spec();
        List<PartAddition> additions = new ArrayList<>();
        long output = 0;
        long rank = 0;
        for (int part = 0; part < parts; part++) {
            TensorSpec tensor = spec.parts().get(part);
            long outputs = weight.slices().get(part).rows();
            LowRank addition = adapters.of(tensor);
            if (addition != null) {
                additions.add(new PartAddition(output, outputs, rank, addition.rank(), parameters.get(Adapters.bName(spec, tensor)), (float) addition.scale()));
                rank += addition.rank();
            }
            output += outputs;
        }
        return List.copyOf(additions);
    }
}
