package ai.sparktron.trainer.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.optimizer.LearningRateSchedule.Style;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {

    /** Rates of the Hugging Face reference trajectory: warm-up over 4 steps to 2e-3, cosine to 1e-5 at 20. */
    @Test
    void followsTheReferenceTrajectory() {
        LearningRateSchedule schedule = new LearningRateSchedule(Style.COSINE, 2e-3, 1e-5, 4, 20, 0);
        assertEquals(0.0, schedule.at(0));
        assertEquals(0.0005, schedule.at(1), 1e-12);
        assertEquals(0.002, schedule.at(4), 1e-12);
        assertEquals(0.0019808813540012145, schedule.at(5), 1e-12);
        assertEquals(0.001005, schedule.at(12), 1e-12);
        assertEquals(2.9118645998785723e-05, schedule.at(19), 1e-12);
        assertEquals(1e-5, schedule.at(20), 1e-12);
        assertEquals(1e-5, schedule.at(500));
    }

    @Test
    void decaysByEachStyle() {
        assertEquals(0.5, new LearningRateSchedule(Style.LINEAR, 1, 0, 0, 10, 0).at(5), 1e-12);
        assertEquals(1.0, new LearningRateSchedule(Style.CONSTANT, 1, 0, 0, 10, 0).at(50));
        assertEquals(0.5, new LearningRateSchedule(Style.INVERSE_SQUARE_ROOT, 1, 0, 4, 100, 0).at(16), 1e-12);
        LearningRateSchedule wsd = new LearningRateSchedule(Style.WSD, 1, 0, 0, 10, 4);
        assertEquals(1.0, wsd.at(6));
        assertEquals(2 * Math.pow(0.5, 0.5) - 1, wsd.at(8), 1e-12);
        assertEquals(0.0, wsd.at(10), 1e-12);
    }

    @Test
    void namesWhatIsWrong() {
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Style.of("cosin")).getMessage().contains("inverse-square-root"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> new LearningRateSchedule(Style.COSINE, 1e-5, 1e-4, 0, 10, 0))
                .getMessage().contains("min_lr"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> new LearningRateSchedule(Style.COSINE, 1, 0, 20, 10, 0))
                .getMessage().contains("lr_warmup_iters"));
    }
}
