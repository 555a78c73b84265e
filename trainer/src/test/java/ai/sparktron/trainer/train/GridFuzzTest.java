package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.train.GridLab.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Random models, rows and grids against one rank. A failure names its seed; {@code -Dtest=GridFuzzTest -Dsparktron.grid.seed=N} runs that one alone, and
 * {@code -Dsparktron.grid.seeds=N} takes as many in the trial.
 */
class GridFuzzTest {

    private static final int STEPS = 3;
    private static final double TOLERANCE = 2e-5;
    private static final int FEW = 8;

    @Test
    void aFewRandomGridsGiveTheNumbersOfOneRank() {
        Long only = Long.getLong("sparktron.grid.seed");
        check(only == null ? 1 : only, only == null ? FEW : 1);
    }

    @Test
    @Tag("trial")
    void manyRandomGridsGiveTheNumbersOfOneRank() {
        long first = Long.getLong("sparktron.grid.seed", System.nanoTime() >>> 10);
        check(first, Integer.getInteger("sparktron.grid.seeds", 300));
    }

    private static void check(long first, int count) {
        List<String> problems = new ArrayList<>();
        long numbers = 0;
        for (long seed = first; seed < first + count; seed++) {
            RandomGrid drawn = RandomGrid.of(seed);
            try {
                GridLab lab = new GridLab(drawn.task(), STEPS);
                Outcome one = lab.run(Grid.ONE_RANK);
                GridComparison comparison = new GridComparison(one, TOLERANCE, lab.disturbed().run(Grid.ONE_RANK));
                List<String> found = comparison.differences(lab.run(drawn.grid()));
                numbers += comparison.numbers();
                if (!found.isEmpty()) {
                    problems.add(found.size() + " differences, " + found.subList(0, Math.min(4, found.size())) + " with " + again(seed, drawn));
                }
            } catch (RuntimeException | Error failure) {
                failure.addSuppressed(new IllegalStateException("with " + again(seed, drawn)));
                throw failure;
            }
        }
        System.out.println("random grids: seeds " + first + " to " + (first + count - 1) + ", " + numbers + " numbers compared");
        assertEquals(List.of(), problems);
        assertTrue(numbers > 1000L * count, "numbers compared: " + numbers);
    }

    private static String again(long seed, RandomGrid drawn) {
        return "-Dtest=GridFuzzTest -Dsparktron.grid.seed=" + seed + ": " + drawn;
    }
}
