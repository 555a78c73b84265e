package ai.sparktron.trainer.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class GradientScaleTest {

    @Test
    void dividesByTokensThenClips() {
        GradientScale scale = GradientScale.of(400, 10, 1.0); // norm of the sum 20, of the mean 2
        assertEquals(2.0, scale.gradientNorm(), 1e-12);
        assertEquals(0.1 / (2.0 + 1e-6), scale.factor(), 1e-8);
    }

    @Test
    void leavesSmallGradientsAlone() {
        assertEquals(0.1f, GradientScale.of(1, 10, 1.0).factor());
        assertEquals(0.1f, GradientScale.of(1e8, 10, 0).factor(), "no clipping");
    }

    @Test
    void seesNaNAndInfinity() {
        assertFalse(GradientScale.of(Double.NaN, 10, 1).isFinite());
        assertFalse(GradientScale.of(Double.POSITIVE_INFINITY, 10, 1).isFinite());
        assertTrue(GradientScale.of(0, 0, 1).isFinite());
    }
}
