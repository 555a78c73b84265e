package ai.sparktron.trainer.train;

import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.train.GridLab.Held;
import ai.sparktron.trainer.train.GridLab.Outcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a grid gave against what one rank gave, and how much was compared. */
final class GridComparison {

    /** Rounding happens in every operation of a grid, and once in the disturbed weights. */
    private static final double ROUNDING_MARGIN = 16;
    /** Of the norm of all gradients: what is smaller may be rounding alone. */
    private static final double SMALL_SHARE = 1e-3;

    private final Outcome one;
    private final Outcome disturbed;
    private final Map<String, float[]> gradients;
    private final Map<String, float[]> disturbedGradients;
    private final double tolerance;
    private final double smallest;
    private long numbers;
    private long parts;
    private int grids;

    /** @param tolerance relative, of gradients (norm of the difference over the norm, which must not be 0) and their norms; absolute, of losses */
    GridComparison(Outcome one, double tolerance) {
        this(one, tolerance, null);
    }

    /**
     * For models that nobody chose: some make much of the last bit, and queries that see one key have gradients of rounding errors alone.
     *
     * @param disturbed of {@link GridLab#disturbed()}, by whose difference from {@code one} grids may differ too; null = by the tolerance alone
     */
    GridComparison(Outcome one, double tolerance, Outcome disturbed) {
        this.one = one;
        this.disturbed = disturbed;
        this.gradients = GridLab.whole(one);
        this.disturbedGradients = disturbed == null ? Map.of() : GridLab.whole(disturbed);
        this.tolerance = tolerance;
        double squares = 0;
        for (float[] gradient : gradients.values()) {
            squares += squares(gradient);
        }
        this.smallest = disturbed == null ? 0 : SMALL_SHARE * Math.sqrt(squares);
    }

    private static double squares(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += (double) value * value;
        }
        return sum;
    }

    /** Differences, in words; empty when there are none. */
    List<String> differences(Outcome many) {
        List<String> problems = new ArrayList<>();
        near(problems, "loss", one.probeLoss(), many.probeLoss(), Math.max(tolerance, disturbed == null ? 0 : rounding(one.probeLoss(), disturbed.probeLoss())));
        for (int step = 0; step < one.losses().length; step++) {
            double lossRounding = disturbed == null ? 0 : rounding(one.losses()[step], disturbed.losses()[step]);
            double normRounding = disturbed == null ? 0 : rounding(one.norms()[step], disturbed.norms()[step]);
            near(problems, "loss of step " + step, one.losses()[step], many.losses()[step], Math.max(tolerance, lossRounding));
            near(problems, "gradient norm of step " + step, one.norms()[step], many.norms()[step], Math.max(tolerance * one.norms()[step], normRounding));
        }
        if (one.tokens() != many.tokens()) {
            problems.add("tokens of a step: " + many.tokens() + ", expected " + one.tokens());
        }
        Map<String, Set<Long>> covered = new HashMap<>();
        for (int rank = 0; rank < many.held().size(); rank++) {
            for (Held held : many.held().get(rank)) {
                compare(problems, rank, held, covered.computeIfAbsent(held.slice().tensor().name(), name -> new HashSet<>()));
            }
        }
        gradients.forEach((name, expected) -> {
            int held = covered.getOrDefault(name, Set.of()).size();
            if (held != expected.length) {
                problems.add("the ranks hold " + held + " of " + expected.length + " elements of " + name);
            }
        });
        grids++;
        return problems;
    }

    private static double rounding(double value, double other) {
        return ROUNDING_MARGIN * Math.abs(value - other);
    }

    private void near(List<String> problems, String what, double expected, double found, double within) {
        numbers++;
        if (!(Math.abs(expected - found) <= within) && Double.compare(expected, found) != 0) {
            problems.add(what + " " + found + ", expected " + expected);
        }
    }

    private void compare(List<String> problems, int rank, Held held, Set<Long> covered) {
        TensorSlice slice = held.slice();
        float[] expected = gradients.get(slice.tensor().name());
        double norm = Math.sqrt(squares(expected));
        double difference = 0;
        for (int i = 0; i < held.gradient().length; i++) {
            long element = (slice.firstRow() + i / slice.columns()) * slice.tensor().columns() + slice.firstColumn() + i % slice.columns();
            covered.add(element);
            difference += Math.pow(expected[(int) element] - held.gradient()[i], 2);
        }
        numbers += held.gradient().length;
        parts++;
        // An expert that no token chose has no gradient, on any grid.
        boolean isEmpty = disturbed == null && norm == 0 && !slice.tensor().ofExpert();
        double within = Math.max(tolerance * Math.max(norm, smallest), ROUNDING_MARGIN * distance(expected, disturbedGradients.get(slice.tensor().name())));
        if (isEmpty || !(Math.sqrt(difference) <= within)) {
            problems.add("rank " + rank + ": gradient of " + slice.tensor().name() + " differs by " + Math.sqrt(difference) + ", its norm is " + norm);
        }
    }

    private static double distance(float[] values, float[] othersOrNull) {
        double sum = 0;
        for (int i = 0; othersOrNull != null && i < values.length; i++) {
            sum += Math.pow(values[i] - othersOrNull[i], 2);
        }
        return Math.sqrt(sum);
    }

    int grids() {
        return grids;
    }

    long numbers() {
        return numbers;
    }

    /** Ranks' parts of tensors. */
    long parts() {
        return parts;
    }
}
