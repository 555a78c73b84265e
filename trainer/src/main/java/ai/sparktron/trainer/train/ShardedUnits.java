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
 * and one for their gradients, or two of which neighbours take turns where communication overlaps; so do the others (one), but for a table that embeds tokens and
 * is the head too: it is whole beside the final norm, and alone in its unit, since two pipeline stages share out a copy each in the same way.
 *
 * @param units  in the order of the model
 * @param places number of places
 */
record ShardedUnits(List<Unit> units, int places) {

    private static final String LAYERS = "decoder.layers.";
    private static final String TIED_TABLE = "embedding and head";
    private static final int LAYER = 0;
    private static final int OUTSIDE = 1;
    private static final int TABLE = 2;
    private static final int OTHER_LAYER = 3;
    private static final int PLACES = 4;

    /**
     * One unit.
     *
     * @param parameters    whole, in their places
     * @param valuePlace    of values: 0 and 3 for layers, 1 for what lies outside, 2 for a table that is the head too
     * @param gradientPlace of gradients, numbered in the same way
     * @param own           this rank's share [n / ranks]: values, main weights and gradients summed over the step
     */
    record Unit(Parameters parameters, int valuePlace, int gradientPlace, OwnRange own) {
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
     * @param overlap  what neighbouring layers need places of their own for
     */
    static ShardedUnits allocate(List<ParameterSpec> specs, Slicing slicing, StateTypes types, Arena.Frame run, int rank, int ranks, boolean resident,
                                 ParameterUpdate.Overlap overlap) {
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
        List<String> layers = bySort.keySet().stream().filter(sort -> sort.startsWith(LAYERS)).toList();
        long[] values = new long[PLACES];
        long[] gradients = new long[PLACES];
        bySort.forEach((sort, own) -> {
            long elements = Parameters.elements(own, slicing, ranks);
            int value = place(sort, layers, overlap.gathers());
            int gradient = place(sort, layers, overlap.reduces());
            values[value] = Math.max(values[value], elements);
            gradients[gradient] = Math.max(gradients[gradient], elements);
        });
        Tensor[] valuePlaces = new Tensor[PLACES];
        Tensor[] gradientPlaces = new Tensor[PLACES];
        for (int place = 0; place < PLACES; place++) {
            valuePlaces[place] = resident || values[place] == 0 ? null : run.tensor("parameters of a unit", types.value(), values[place]);
            gradientPlaces[place] = gradients[place] == 0 ? null : run.tensor("gradients of a unit", types.gradient(), gradients[place]);
        }
        List<Unit> units = new ArrayList<>();
        bySort.forEach((sort, own) -> {
            long elements = Parameters.elements(own, slicing, ranks);
            int valuePlace = place(sort, layers, overlap.gathers());
            int gradientPlace = place(sort, layers, overlap.reduces());
            Tensor value = resident ? run.tensor("parameters", types.value(), elements) : valuePlaces[valuePlace].rows(0, elements);
            units.add(new Unit(Parameters.over(own, slicing, value, gradientPlaces[gradientPlace].rows(0, elements), ranks), valuePlace, gradientPlace,
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

    /** @param inTurn whether neighbouring layers have places of their own */
    private static int place(String sort, List<String> layers, boolean inTurn) {
        if (sort.startsWith(LAYERS)) {
            return inTurn && layers.indexOf(sort) % 2 == 1 ? OTHER_LAYER : LAYER;
        }
        return sort.equals(TIED_TABLE) ? TABLE : OUTSIDE;
    }

    /** All parameters, for the model. */
    Parameters joined() {
        return Parameters.joined(units.stream().map(Unit::parameters).toList());
    }
}
