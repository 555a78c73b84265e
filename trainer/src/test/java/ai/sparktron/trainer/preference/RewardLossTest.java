package ai.sparktron.trainer.preference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.layer.HostTokens;
import org.junit.jupiter.api.Test;

/** Derivatives against differences, and which tokens of a batch are scored. Values are those of the reference case of rewards. */
class RewardLossTest {

    private static final double[] REWARDS = {1.5, 0.25, -0.5, 0.75};
    private static final double[] MARGINS = {0.5, 0};

    @Test
    void derivativesAreDifferences() {
        RewardLoss loss = new RewardLoss(0.1);
        RewardLoss.Result result = loss.of(REWARDS, MARGINS);
        assertEquals(0.1 * (1.75 * 1.75 + 0.25 * 0.25), result.centering(), 1e-12);
        double step = 1e-5;
        for (int i = 0; i < REWARDS.length; i++) {
            double difference = (loss.of(moved(i, step), MARGINS).sum() - loss.of(moved(i, -step), MARGINS).sum()) / (2 * step);
            assertEquals(difference, result.by()[i], 1e-8, "answer " + i);
            assertTrue(Math.abs(result.by()[i]) > 0.01, "answer " + i + " does not move");
        }
    }

    private static double[] moved(int answer, double step) {
        double[] moved = REWARDS.clone();
        moved[answer] += step;
        return moved;
    }

    @Test
    void lastTokensAreScoredAndMarginsAreTheirWeights() {
        HostTokens tokens = HostTokens.of(new int[] {1, 2, 3, 4, 5, 6}, new int[] {2, -100, 4, 5, -100, -100}, new float[] {1, 1.5f, 1, 1, 0, 0},
                new int[] {0, 1, 0, 1, 2, 0}, new int[] {0, 0, 1, 1, 1, 2});
        RewardBatch batch = RewardBatch.of(new PairBatch(tokens, 1));
        assertArrayEquals(new int[] {-1, 0, -1, -1, 0, -1}, batch.tokens().labels(), "padding is not scored");
        assertArrayEquals(new double[] {1.5}, batch.margins());
    }

    @Test
    void aWeightBelowZeroIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new RewardLoss(-1));
    }
}
