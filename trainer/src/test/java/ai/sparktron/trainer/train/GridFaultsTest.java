package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.train.FaultyWorld.Act;
import ai.sparktron.trainer.train.FaultyWorld.Fault;
import ai.sparktron.trainer.train.Grid.Sharing;
import ai.sparktron.trainer.train.GridLab.Outcome;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The comparison of grids sees one collective of a whole training that is forgotten or wrong. */
class GridFaultsTest {

    private static final int STEPS = 2;
    private static final double TOLERANCE = 1e-5;
    private static final GridLab LAB = new GridLab(GridParityTest.Model.UNTIED.task(), STEPS);

    /** A grid, and a call that it makes. */
    record Place(Grid grid, String group, String call, Act act) {
    }

    private static Grid grid(int tensor, boolean sequence, int context, int data, String exchange, Sharing sharing) {
        return new Grid(tensor, sequence, 1, 1, context, data, exchange, sharing);
    }

    private static Grid pipeline(int chunks) {
        return new Grid(1, false, 2, chunks, 1, 1, "p2p", Sharing.REPLICAS);
    }

    private static List<Place> places() {
        Grid tensor = grid(2, false, 1, 1, "p2p", Sharing.REPLICAS);
        Grid sequence = grid(2, true, 1, 1, "p2p", Sharing.REPLICAS);
        Grid ring = grid(1, false, 2, 1, "p2p", Sharing.OPTIMIZER);
        Grid gathered = grid(1, false, 2, 1, "all_gather", Sharing.REPLICAS);
        Grid heads = grid(1, false, 2, 1, "a2a", Sharing.MODEL);
        Grid buckets = grid(1, false, 1, 2, "p2p", Sharing.OPTIMIZER_IN_BUCKETS);
        return List.of(new Place(tensor, "tensor", "allReduce", Act.FORGOTTEN), new Place(tensor, "tensor", "allReduce", Act.WRONG_REDUCTION),
                new Place(tensor, "tensor", "allGather", Act.FORGOTTEN), new Place(tensor, "tensor", "allReduce", Act.FORGOTTEN),
                new Place(sequence, "tensor", "reduceScatter", Act.WRONG_REDUCTION), new Place(sequence, "tensor", "allGather", Act.FORGOTTEN),
                new Place(sequence, "tensor", "allReduce", Act.FORGOTTEN), new Place(ring, "context", "receive", Act.FORGOTTEN),
                new Place(ring, "data-context", "reduceScatter", Act.WRONG_REDUCTION), new Place(ring, "data-context", "allGather", Act.FORGOTTEN),
                new Place(gathered, "context", "allGather", Act.FORGOTTEN), new Place(gathered, "context", "reduceScatter", Act.WRONG_REDUCTION),
                new Place(gathered, "data-context", "allReduce", Act.FORGOTTEN), new Place(heads, "context", "allToAll", Act.FORGOTTEN),
                new Place(heads, "data-context", "reduceScatter", Act.WRONG_REDUCTION), new Place(heads, "data-context", "allGather", Act.FORGOTTEN),
                new Place(buckets, "data-context", "reduceScatter", Act.WRONG_REDUCTION), new Place(buckets, "data-context", "allGather", Act.FORGOTTEN),
                new Place(pipeline(1), "activations", "receive", Act.FORGOTTEN), new Place(pipeline(1), "gradients", "receive", Act.FORGOTTEN),
                new Place(pipeline(2), "activations", "receive", Act.FORGOTTEN), new Place(pipeline(2), "gradients", "receive", Act.FORGOTTEN));
    }

    /** Whether the call was made; fails when nobody noticed that it went wrong. */
    static boolean isCaught(GridLab lab, GridComparison comparison, Place place, int number) {
        Fault fault = new Fault(place.group(), place.call(), number, place.act());
        List<FaultyWorld> worlds = Collections.synchronizedList(new ArrayList<>());
        List<String> found;
        try {
            found = comparison.differences(lab.run(place.grid(), world -> {
                FaultyWorld faulty = new FaultyWorld(world, fault);
                worlds.add(faulty);
                return faulty;
            }));
        } catch (AssertionError refused) {
            found = List.of(refused.toString());
        }
        if (worlds.stream().noneMatch(FaultyWorld::happened)) {
            return false;
        }
        assertFalse(found.isEmpty(), place + ": call " + number + " went wrong, and no number shows it");
        return true;
    }

    @Test
    void onePlaceOfEachKindIsCaught() {
        Outcome one = LAB.run(Grid.ONE_RANK);
        int number = 1;
        int caught = 0;
        for (Place place : places()) {
            assertTrue(isCaught(LAB, new GridComparison(one, TOLERANCE), place, number), place + " makes fewer than " + number + " of these calls");
            number = number % 3 + 1;
            caught++;
        }
        assertEquals(places().size(), caught);
    }

    /** The comparison finds nothing where nothing is wrong: a world that is only looked at. */
    @Test
    void aWorldWithoutFaultsPasses() {
        Grid grid = grid(2, true, 2, 2, "p2p", Sharing.OPTIMIZER);
        Fault never = new Fault("tensor", "allReduce", -1, Act.FORGOTTEN);
        assertEquals(List.of(), new GridComparison(LAB.run(Grid.ONE_RANK), TOLERANCE).differences(LAB.run(grid, world -> new FaultyWorld(world, never))));
    }

    /** Each single call of the first micro-batches, of every kind. */
    @Test
    @Tag("trial")
    void everyCallIsCaught() {
        Outcome one = LAB.run(Grid.ONE_RANK);
        int caught = 0;
        for (Place place : places()) {
            int number = 1;
            while (number <= 60 && isCaught(LAB, new GridComparison(one, TOLERANCE), place, number)) {
                number++;
            }
            System.out.println(place + ": " + (number - 1) + " calls");
            caught += number - 1;
        }
        System.out.println(caught + " faults caught");
        assertTrue(caught > 300, "faults: " + caught);
    }
}
