package ai.sparktron.trainer.preference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.layer.HostTokens;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Formulas against numbers that PyTorch computed of the papers' own, derivatives against differences, and how rows become batches. */
class LabelledLossTest {

    private static final double[] POLICY = {-3, -12.5, -7.25, -19.5, -4.5};
    private static final double[] REFERENCE = {-5, -11, -8.5, -22, -4};
    private static final boolean[] DESIRABLE = {true, false, true, false, false};

    private static LabelledLoss loss(LabelledLoss.Type type) {
        return new LabelledLoss(type, 0.3, 0.8, 1.2);
    }

    @ParameterizedTest
    @CsvSource({"KTO, 2.3502624203136486", "APO_ZERO_UNPAIRED, 2.4466732189150138"})
    void valuesAreThoseOfPyTorch(LabelledLoss.Type type, double expected) {
        assertEquals(expected, loss(type).of(POLICY, REFERENCE, DESIRABLE, 0.7).sum(), 1e-12);
    }

    @ParameterizedTest
    @EnumSource
    void derivativesAreDifferences(LabelledLoss.Type type) {
        LabelledLoss loss = loss(type);
        double[] by = loss.of(POLICY, REFERENCE, DESIRABLE, 0.7).by();
        double step = 1e-5;
        for (int i = 0; i < POLICY.length; i++) {
            double difference = (loss.of(moved(i, step), REFERENCE, DESIRABLE, 0.7).sum() - loss.of(moved(i, -step), REFERENCE, DESIRABLE, 0.7).sum()) / (2 * step);
            assertEquals(difference, by[i], 1e-9);
            assertTrue(DESIRABLE[i] ? by[i] < -0.01 : by[i] > 0.01, "answer " + i + " moves by " + by[i]);
        }
    }

    private static double[] moved(int answer, double step) {
        double[] moved = POLICY.clone();
        moved[answer] += step;
        return moved;
    }

    @Test
    void figuresOfALabelThatNobodyHasAreMissing() {
        LabelledFigures figures = new LabelledFigures();
        figures.add(1.5, new double[] {-2, -4}, new double[] {-3, -3}, new boolean[] {true, true}, 0.5, 0.25);
        Map<String, Double> byName = LabelledFigures.byName(figures.take());
        assertEquals(Map.of("loss", 0.75, "kl", 0.25, "logps/chosen", -3.0, "rewards/chosen", 0.0), byName);
        assertEquals(0, LabelledFigures.samples(figures.take()), "taking starts anew");
    }

    @Test
    void documentsInTwosBecomeAnswersAndOthers() {
        HostTokens tokens = HostTokens.of(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, new int[] {2, -100, 4, -100, 6, -100, -100, -100}, new float[] {1, 1, 1, 0, 1, 0, 0, 0},
                new int[] {0, 1, 0, 1, 0, 1, 0, 0}, new int[] {0, 0, 1, 1, 2, 2, 3, 4});
        LabelledBatch batch = LabelledBatch.of(tokens, 2, 4);
        assertArrayEquals(new int[] {1, 2, 5, 6}, batch.answers().ids());
        assertArrayEquals(new int[] {0, 0, 1, 1}, batch.answers().documents());
        assertArrayEquals(new int[] {3, 4, 7, 0}, batch.others().ids(), "padded to four tokens");
        assertArrayEquals(new int[] {0, 0, 1, 2}, batch.others().documents());
        assertTrue(batch.desirable()[0]);
        assertFalse(batch.desirable()[1]);
    }

    @Test
    void settingsThatMeanNothingAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new LabelledLoss(LabelledLoss.Type.KTO, 0, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> new LabelledLoss(LabelledLoss.Type.KTO, 0.1, -1, 1));
    }
}
