package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is foretold of units' use. */
class UnitOrderTest {

    private static final int NONE = UnitOrder.NOBODY;

    private static List<Integer> foretold(UnitOrder order, int... used) {
        List<Integer> next = new ArrayList<>();
        for (int unit : used) {
            order.used(unit);
            next.add(order.next());
        }
        return next;
    }

    /** With layers that run again in backward the same unit comes several times, and after a unit now this one, now that one. */
    @Test
    void aStepGoesAsTheOneBefore() {
        int[] step = {0, 1, 2, 3, 2, 3, 3, 2, 0, 1, 1, 0};
        UnitOrder order = new UnitOrder(4);
        order.begin();
        assertEquals(Collections.nCopies(step.length, NONE), foretold(order, step), "nothing is known of the first step");
        order.end();
        order.begin();
        assertEquals(List.of(1, 2, 3, 2, 3, 2, 2, 0, 1, 0, 0, NONE), foretold(order, step));
    }

    @Test
    void aStepThatGoesAnotherWayIsLearnt() {
        UnitOrder order = new UnitOrder(3);
        for (int step = 0; step < 2; step++) {
            order.begin();
            foretold(order, 0, 1, 2);
            order.end();
        }
        order.begin();
        assertEquals(List.of(1, NONE, NONE, NONE), foretold(order, 0, 2, 1, 0), "it is not followed any longer");
        order.end();
        order.begin();
        assertEquals(List.of(2, 1, 0, NONE, NONE), foretold(order, 0, 2, 1, 0, 2), "a longer one ends where the last did");
    }

    @Test
    void betweenStepsThereIsForward() {
        UnitOrder order = new UnitOrder(3);
        assertEquals(List.of(1, 2, NONE, 1), foretold(order, 0, 1, 2, 0));
    }
}
