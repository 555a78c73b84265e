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

    private final Outcome one;
    private final Map<String, float[]> gradients;
    private final double tolerance;
    private long numbers;
    private long parts;
    private int grids;

    /** @param tolerance relative, of gradients (norm of the difference over the norm) and their norms; absolute, of losses */
    GridComparison(Outcome one, double tolerance) {
        this.one = one;
        this.gradients = GridLab.whole(one);
        this.tolerance = tolerance;
    }

    /** Differences, in words; empty when there are none. */
    List<String> differences(Outcome many) {
        List<String> problems = new ArrayList<>();
        near(problems, "loss", one.probeLoss(), many.probeLoss(), tolerance);
        for (int step = 0; step < one.losses().length; step++) {
            near(problems, "loss of step " + step, one.losses()[step], many.losses()[step], tolerance);
            near(problems, "gradient norm of step " + step, one.norms()[step], many.norms()[step], tolerance * one.norms()[step]);
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

    private void near(List<String> problems, String what, double expected, double found, double within) {
        numbers++;
        if (!(Math.abs(expected - found) <= within)) {
            problems.add(what + " " + found + ", expected " + expected);
        }
    }

    private void compare(List<String> problems, int rank, Held held, Set<Long> covered) {
        TensorSlice slice = held.slice();
        float[] expected = gradients.get(slice.tensor().name());
        double norm = 0;
        for (float value : expected) {
            norm += (double) value * value;
        }
        double difference = 0;
        for (int i = 0; i < held.gradient().length; i++) {
            long element = (slice.firstRow() + i / slice.columns()) * slice.tensor().columns() + slice.firstColumn() + i % slice.columns();
            covered.add(element);
            difference += Math.pow(expected[(int) element] - held.gradient()[i], 2);
        }
        numbers += held.gradient().length;
        parts++;
        if (!(norm > 0) || !(Math.sqrt(difference / norm) <= tolerance)) {
            problems.add("rank " + rank + ": gradient of " + slice.tensor().name() + " differs by " + Math.sqrt(difference / norm) + " of its norm " + Math.sqrt(norm));
        }
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
