package ai.sparktron.trainer.train;

import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.optimizer.OwnRange;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The parameters of a rank in units that are whole one at a time: each layer, and what lies outside of layers. All layers share one place for their whole values
 * and one for their gradients; so do the others, but for a table that embeds tokens and is the head too: it is whole beside the final norm, and alone in its unit,
 * since two pipeline stages share out a copy each in the same way.
 *
 * @param units  in the order of the model
 * @param places number of places
 */
record ShardedUnits(List<Unit> units, int places) {

    private static final String LAYERS = "decoder.layers.";
    private static final String TIED_TABLE = "embedding and head";
    private static final int PLACES = 3;

    /**
     * One unit.
     *
     * @param parameters whole, in their place
     * @param place      of values and gradients: 0 for layers, 1 for what lies outside, 2 for a table that is the head too
     * @param own        this rank's share [n / ranks]: values, main weights and gradients summed over the step
     */
    record Unit(Parameters parameters, int place, OwnRange own) {
        Tensor values() {
            return own.value();
        }

        Tensor gradients() {
            return own.gradient();
        }
    }

    ShardedUnits {
        units = List.copyOf(units);
    }

    /**
     * Allocates.
     *
     * @param rank     this rank's place among those that share
     * @param resident whether values have a place of their own for each unit ({@code optim_grads}), so that only gradients come and go
     */
    static ShardedUnits allocate(List<ParameterSpec> specs, Slicing slicing, StateTypes types, Arena.Frame run, int rank, int ranks, boolean resident) {
        if (specs.stream().anyMatch(ParameterSpec::buffer)) {
            throw new IllegalArgumentException("--data_parallel_sharding_strategy does not share out a router whose bias chooses experts (e_score_correction_bias)"
                    + " yet: use --use_distributed_optimizer true instead");
        }
        if (specs.stream().anyMatch(spec -> !spec.trainable())) {
            throw new IllegalArgumentException("--data_parallel_sharding_strategy shares out trained parameters alone, and some are frozen (freeze_parameters): use"
                    + " --use_distributed_optimizer true instead");
        }
        Map<String, List<ParameterSpec>> bySort = new LinkedHashMap<>();
        boolean tied = specs.stream().noneMatch(spec -> spec.name().equals(DecoderSpecs.HEAD));
        specs.forEach(spec -> bySort.computeIfAbsent(sort(spec.name(), tied), key -> new ArrayList<>()).add(spec));
        long[] largest = new long[PLACES];
        bySort.forEach((sort, own) -> largest[place(sort)] = Math.max(largest[place(sort)], Parameters.elements(own, slicing, ranks)));
        Tensor[] values = new Tensor[PLACES];
        Tensor[] gradients = new Tensor[PLACES];
        for (int place = 0; place < PLACES; place++) {
            values[place] = resident ? null : run.tensor("parameters of a unit", types.value(), Math.max(1, largest[place]));
            gradients[place] = run.tensor("gradients of a unit", types.gradient(), Math.max(1, largest[place]));
        }
        List<Unit> units = new ArrayList<>();
        bySort.forEach((sort, own) -> {
            long elements = Parameters.elements(own, slicing, ranks);
            int place = place(sort);
            Tensor value = resident ? run.tensor("parameters", types.value(), elements) : values[place].rows(0, elements);
            units.add(new Unit(Parameters.over(own, slicing, value, gradients[place].rows(0, elements), ranks), place,
                    OwnRange.allocate(types, run.tensor("own parameters", types.value(), elements / ranks),
                            run.tensor("own gradients", types.gradient(), elements / ranks), rank * (elements / ranks), run)));
        });
        return new ShardedUnits(units, PLACES);
    }

    private static String sort(String name, boolean tied) {
        if (name.startsWith(LAYERS)) {
            return name.substring(0, name.indexOf('.', LAYERS.length()) + 1);
        }
        if (name.equals(DecoderSpecs.EMBEDDING)) {
            return tied ? TIED_TABLE : "embedding";
        }
        return "head";
    }

    private static int place(String sort) {
        return sort.startsWith(LAYERS) ? 0 : sort.equals(TIED_TABLE) ? 2 : 1;
    }

    /** All parameters, for the model. */
    Parameters joined() {
        return Parameters.joined(units.stream().map(Unit::parameters).toList());
    }
}
