package ai.sparktron.trainer.train;

import java.util.ArrayList;
import java.util.List;

/**
 * The order in which a rank uses the units of a shared model, so that the next one can be brought before it is needed. A training step uses them as the step
 * before it did, whatever schedule and recomputation make of it; where it does not, nothing is foretold until its end. Between steps there is forward alone.
 * Ranks that share units use them in the same order, so all foretell the same.
 */
final class UnitOrder {

    /** No unit. */
    static final int NOBODY = -1;

    private final int units;
    private List<Integer> lastStep = List.of();
    private List<Integer> thisStep = new ArrayList<>();
    private int present = NOBODY;
    private boolean inStep;
    private boolean asLastStep;

    UnitOrder(int units) {
        this.units = units;
    }

    /** A training step begins. */
    void begin() {
        thisStep = new ArrayList<>();
        present = NOBODY;
        inStep = true;
        asLastStep = true;
    }

    /** The step is over. */
    void end() {
        lastStep = thisStep;
        present = NOBODY;
        inStep = false;
    }

    /** A unit is used. */
    void used(int unit) {
        if (unit == present) {
            return;
        }
        present = unit;
        if (inStep) {
            asLastStep = asLastStep && thisStep.size() < lastStep.size() && lastStep.get(thisStep.size()) == unit;
            thisStep.add(unit);
        }
    }

    /** The unit that is expected after the present one, or {@link #NOBODY}. */
    int next() {
        if (inStep) {
            return asLastStep && thisStep.size() < lastStep.size() ? lastStep.get(thisStep.size()) : NOBODY;
        }
        return present != NOBODY && present + 1 < units ? present + 1 : NOBODY;
    }
}
