package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.train.FaultyWorld.Act;
import ai.sparktron.trainer.train.Grid.Experts;
import ai.sparktron.trainer.train.Grid.Sharing;
import ai.sparktron.trainer.train.GridFaultsTest.Place;
import ai.sparktron.trainer.train.GridLab.Outcome;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The comparison of grids sees one exchange among ranks that share experts that is forgotten or wrong. */
class ExpertGridFaultsTest {

    private static final double TOLERANCE = 1e-5;

    private static Grid grid(int data, Sharing sharing, Experts experts) {
        return new Grid(1, false, 1, 1, 1, data, "p2p", sharing).with(experts);
    }

    private static List<Place> places() {
        Grid travelling = grid(2, Sharing.REPLICAS, new Experts(2, 1, "alltoall"));
        Grid cut = grid(2, Sharing.REPLICAS, new Experts(1, 2, "alltoall"));
        Grid gathered = grid(2, Sharing.OPTIMIZER, new Experts(2, 1, "allgather"));
        Grid replicated = grid(4, Sharing.REPLICAS, new Experts(2, 1, "alltoall"));
        Grid shared = grid(4, Sharing.OPTIMIZER, new Experts(2, 1, "allgather"));
        return List.of(new Place(travelling, "experts", "allToAll", Act.FORGOTTEN), new Place(travelling, "experts", "allToAll", Act.FORGOTTEN),
                new Place(travelling, "experts", "allToAll", Act.FORGOTTEN), new Place(cut, "experts", "allToAll", Act.FORGOTTEN),
                new Place(gathered, "experts", "allGather", Act.FORGOTTEN), new Place(gathered, "experts", "allGather", Act.FORGOTTEN),
                new Place(gathered, "experts", "reduceScatter", Act.WRONG_REDUCTION), new Place(gathered, "experts", "reduceScatter", Act.FORGOTTEN),
                new Place(replicated, "expert-data", "allReduce", Act.WRONG_REDUCTION), new Place(replicated, "data-context", "allReduce", Act.FORGOTTEN),
                new Place(shared, "expert-data", "reduceScatter", Act.WRONG_REDUCTION), new Place(shared, "expert-data", "allGather", Act.FORGOTTEN));
    }

    /** Numbers of the calls that go wrong: of weights, rows and results on the way to the experts and back, forward and backward. */
    private static final int[] NUMBERS = {1, 2, 3, 5, 2, 3, 1, 4, 1, 1, 1, 1};

    @Test
    void onePlaceOfEachKindIsCaught() {
        GridLab lab = new GridLab(ExpertGridParityTest.Model.QWEN.task(), 2);
        Outcome one = lab.run(Grid.ONE_RANK);
        int caught = 0;
        for (Place place : places()) {
            int number = NUMBERS[caught];
            assertTrue(GridFaultsTest.isCaught(lab, new GridComparison(one, TOLERANCE), place, number), place + " makes fewer than " + number + " of these calls");
            caught++;
        }
        assertEquals(NUMBERS.length, caught);
    }
}
