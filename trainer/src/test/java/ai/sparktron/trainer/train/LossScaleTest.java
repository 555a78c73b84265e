package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.DType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.Test;

/** Megatron's rule: two overflows are borne, each further one halves, a thousand good steps double. */
class LossScaleTest {

    private static void steps(LossScale scale, int count, boolean overflowed) {
        for (int i = 0; i < count; i++) {
            scale.update(overflowed);
        }
    }

    @Test
    void fallsWithOverflowsAndRisesWithoutThem() {
        LossScale scale = LossScale.of(DType.F16);
        assertEquals(65_536, scale.factor());
        steps(scale, 1, true);
        assertEquals(65_536, scale.factor(), "one is borne");
        steps(scale, 2, true);
        assertEquals(16_384, scale.factor());
        steps(scale, 999, false);
        assertEquals(16_384, scale.factor());
        steps(scale, 1, false);
        assertEquals(32_768, scale.factor());
        steps(scale, 1, true);
        assertEquals(32_768, scale.factor(), "one is borne again");
        assertEquals(4, scale.skipped());
        assertFalse(scale.isSmallest());
        steps(scale, 30, true);
        assertEquals(1, scale.factor());
        assertTrue(scale.isSmallest());
    }

    @Test
    void anOverflowBeginsTheCountAnew() {
        LossScale scale = LossScale.of(DType.F16);
        steps(scale, 999, false);
        steps(scale, 1, true);
        steps(scale, 999, false);
        assertEquals(65_536, scale.factor());
    }

    @Test
    void otherTypesNeedNone() {
        LossScale scale = LossScale.of(DType.BF16);
        steps(scale, 3, true);
        assertEquals(1, scale.factor());
        assertFalse(scale.isDynamic());
    }

    @Test
    void goesOnFromWhatWasSaved() {
        LossScale scale = LossScale.of(DType.F16);
        steps(scale, 3, true);
        steps(scale, 500, false);
        ObjectNode saved = new ObjectMapper().createObjectNode();
        scale.save(saved);
        LossScale restored = LossScale.of(DType.F16);
        restored.restore(saved);
        steps(restored, 499, false);
        assertEquals(16_384, restored.factor());
        steps(restored, 1, false);
        assertEquals(32_768, restored.factor());
        assertEquals(3, restored.skipped());
    }
}
