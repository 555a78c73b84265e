package ai.sparktron.trainer.preference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.preference.PreferenceLoss.Scores;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Formulas against numbers that PyTorch computed of the papers' own, and derivatives against differences. */
class PreferenceLossTest {

    private static final double BETA = 0.3;
    private static final double SMOOTHING = 0.1;
    private static final Scores POLICY = new Scores(new double[] {-3, -12.5, -7.25, -19.5}, new double[] {-4.5, -9, -7, -31});
    private static final Scores REFERENCE = new Scores(new double[] {-5, -11, -8.5, -22}, new double[] {-4, -10.5, -6, -27.5});

    private static PreferenceLoss loss(LossType type, Divergence divergence) {
        return new PreferenceLoss(List.of(type), BETA, SMOOTHING, divergence);
    }

    @ParameterizedTest
    @CsvSource({
        "SIGMOID, REVERSE_KL, 2.42505332424",
        "ROBUST, REVERSE_KL, 1.90192832424",
        "HINGE, REVERSE_KL, 2.475",
        "IPO, REVERSE_KL, 41.5902777778",
        "EXO_PAIR, REVERSE_KL, 1.46507154327",
        "NCA_PAIR, REVERSE_KL, 5.28290660904",
        "SPPO_HARD, REVERSE_KL, 26.2013888889",
        "APO_ZERO, REVERSE_KL, 3.45112960121",
        "APO_DOWN, REVERSE_KL, 3.81786240259",
        "AOT_PAIR, REVERSE_KL, 2.02276503394",
        "AOT, REVERSE_KL, 2.26428280753",
        "SIGMOID, JS_DIVERGENCE, 2.48362336412",
        "ROBUST, JS_DIVERGENCE, 2.22311776135",
        "HINGE, JS_DIVERGENCE, 2.87745552621",
        "IPO, JS_DIVERGENCE, 14.249164644",
        "EXO_PAIR, JS_DIVERGENCE, 1.6144631379",
        "SIGMOID, ALPHA_DIVERGENCE, 3.39024191607",
        "ROBUST, ALPHA_DIVERGENCE, 1.18164386892",
        "HINGE, ALPHA_DIVERGENCE, 3.09401876734",
        "IPO, ALPHA_DIVERGENCE, 1019.58707427",
        "EXO_PAIR, ALPHA_DIVERGENCE, 1.88433626759"
    })
    void valuesAreThoseOfPyTorch(LossType type, Divergence divergence, double expected) {
        assertEquals(expected, loss(type, divergence).of(POLICY, REFERENCE).sum(), 1e-9 * Math.abs(expected));
    }

    static Stream<Arguments> everyLoss() {
        return Stream.of(LossType.values()).flatMap(type -> Stream.of(Divergence.values()).map(divergence -> Arguments.of(type, divergence)));
    }

    @ParameterizedTest
    @MethodSource("everyLoss")
    void derivativesAreDifferences(LossType type, Divergence divergence) {
        PreferenceLoss loss = loss(type, divergence);
        PreferenceLoss.Result result = loss.of(POLICY, REFERENCE);
        double step = 1e-6;
        double largest = 0;
        for (int pair = 0; pair < POLICY.pairs(); pair++) {
            for (boolean chosen : new boolean[] {true, false}) {
                double difference = (loss.of(moved(pair, chosen, step), REFERENCE).sum() - loss.of(moved(pair, chosen, -step), REFERENCE).sum()) / (2 * step);
                double found = (chosen ? result.byChosen() : result.byRejected())[pair];
                assertEquals(difference, found, 1e-6 * Math.max(1, Math.abs(difference)), "pair " + pair + (chosen ? " chosen" : " rejected"));
                largest = Math.max(largest, Math.abs(found));
            }
        }
        assertTrue(largest > 1e-3, "all derivatives are " + largest + " or less");
    }

    private static Scores moved(int pair, boolean chosen, double step) {
        Scores moved = new Scores(POLICY.chosen().clone(), POLICY.rejected().clone());
        (chosen ? moved.chosen() : moved.rejected())[pair] += step;
        return moved;
    }

    @Test
    void severalLossesAddUp() {
        PreferenceLoss both = new PreferenceLoss(List.of(LossType.HINGE, LossType.APO_ZERO), BETA, 0, Divergence.REVERSE_KL);
        assertEquals(2.475 + 3.45112960121, both.of(POLICY, REFERENCE).sum(), 1e-9);
    }

    @Test
    void noSmoothingIsAThousandthForExactOptimisation() {
        double none = new PreferenceLoss(List.of(LossType.EXO_PAIR), BETA, 0, Divergence.REVERSE_KL).of(POLICY, REFERENCE).sum();
        double thousandth = new PreferenceLoss(List.of(LossType.EXO_PAIR), BETA, 1e-3, Divergence.REVERSE_KL).of(POLICY, REFERENCE).sum();
        assertEquals(thousandth, none);
    }

    /** A policy far from its reference must not make infinities where the loss has none. */
    @ParameterizedTest
    @MethodSource("everyLoss")
    void farPoliciesHaveFiniteLosses(LossType type, Divergence divergence) {
        Scores far = new Scores(new double[] {-10_000, -1}, new double[] {-1, -9_000});
        Scores near = new Scores(new double[] {-20, -20}, new double[] {-20, -20});
        PreferenceLoss.Result result = loss(type, divergence).of(far, near);
        assertTrue(Double.isFinite(result.sum()), "loss " + result.sum());
        for (int pair = 0; pair < 2; pair++) {
            assertTrue(Double.isFinite(result.byChosen()[pair]) && Double.isFinite(result.byRejected()[pair]), "derivatives of pair " + pair);
        }
    }

    @Test
    void settingsThatMeanNothingAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new PreferenceLoss(List.of(), 0.1, 0, Divergence.REVERSE_KL));
        assertThrows(IllegalArgumentException.class, () -> new PreferenceLoss(List.of(LossType.ROBUST), 0.1, 0.5, Divergence.REVERSE_KL));
        assertThrows(IllegalArgumentException.class, () -> new PreferenceLoss(List.of(LossType.SIGMOID), 0, 0, Divergence.REVERSE_KL));
    }
}
