package ai.sparktron.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.shard.PackedRowBuilder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class MicroBatchSourceTest {

    private static BatchShape shape(int micro, int global, int rank, int size) {
        return new BatchShape(micro, global, rank, size, 1, 0);
    }

    /** Rows of each of {@code steps} global batches, put together from all ranks; ascending. */
    private static List<List<Integer>> globalBatches(InMemoryRows rows, int micro, int global, int size, DataCursor cursor, int steps) {
        List<List<Integer>> batches = new ArrayList<>();
        for (int step = 0; step < steps; step++) {
            batches.add(new ArrayList<>());
        }
        for (int rank = 0; rank < size; rank++) {
            MicroBatchSource source = MicroBatchSource.training(rows, shape(micro, global, rank, size), RowOrder.SHUFFLED, cursor);
            for (int step = 0; step < steps; step++) {
                List<MicroBatch> mine = source.next().microBatches();
                assertEquals(global / micro / size, mine.size());
                mine.forEach(new Into(batches.get(step))::add);
            }
        }
        batches.forEach(Collections::sort);
        return batches;
    }

    private record Into(List<Integer> target) {
        void add(MicroBatch batch) {
            target.addAll(NumberedRows.rowsIn(batch));
        }
    }

    @Test
    void aStepHasTheSameRowsOnAnyGrid() {
        InMemoryRows rows = NumberedRows.of(103);
        DataCursor start = DataCursor.start(103, 9);
        List<List<Integer>> expected = globalBatches(rows, 1, 16, 1, start, 14);
        for (int size : new int[] {1, 2, 4, 8}) {
            for (int micro : new int[] {1, 2}) {
                assertEquals(expected, globalBatches(rows, micro, 16, size, start, 14), "data size " + size + ", micro " + micro);
            }
        }
        assertNotEquals(expected, globalBatches(rows, 1, 16, 1, DataCursor.start(103, 10), 14));
    }

    /** The number of a sample names the same use of the same row on any grid, and no number is given twice. */
    @Test
    void samplesAreNumberedTheSameOnAnyGrid() {
        InMemoryRows rows = NumberedRows.of(21);
        Map<Long, Integer> expected = numbered(rows, 1, 1);
        assertEquals(64, expected.size());
        assertEquals(expected, numbered(rows, 2, 1));
        assertEquals(expected, numbered(rows, 1, 4));
        assertEquals(expected, numbered(rows, 2, 2));
    }

    /** Row by sample number, of eight steps on all ranks. */
    private static Map<Long, Integer> numbered(InMemoryRows rows, int micro, int size) {
        Map<Long, Integer> rowOf = new TreeMap<>();
        for (int rank = 0; rank < size; rank++) {
            MicroBatchSource source = MicroBatchSource.training(rows, shape(micro, 8, rank, size), RowOrder.SHUFFLED, DataCursor.start(21, 9));
            for (int step = 0; step < 8; step++) {
                for (MicroBatch batch : source.next().microBatches()) {
                    List<Integer> inside = NumberedRows.rowsIn(batch);
                    assertEquals(inside.size(), batch.rows().size());
                    assertEquals(batch.tokens(), batch.rows().stream().mapToInt(MicroBatch.Row::tokens).sum());
                    for (int row = 0; row < inside.size(); row++) {
                        assertNull(rowOf.put(batch.rows().get(row).sample(), inside.get(row)), "a number given twice");
                    }
                }
            }
        }
        return rowOf;
    }

    @Test
    void anEpochHasNoRowTwiceAndLeavesOutLessThanAGlobalBatch() {
        List<List<Integer>> batches = globalBatches(NumberedRows.of(103), 1, 16, 2, DataCursor.start(103, 1), 12);
        for (int epoch = 0; epoch < 2; epoch++) {
            List<Integer> seen = new ArrayList<>();
            batches.subList(6 * epoch, 6 * epoch + 6).forEach(seen::addAll);
            assertEquals(96, seen.size());
            assertEquals(96, seen.stream().distinct().count());
        }
        assertNotEquals(batches.subList(0, 6), batches.subList(6, 12));
    }

    @Test
    void goingOnFromACursorIsGoingOn() {
        InMemoryRows rows = NumberedRows.of(50);
        MicroBatchSource whole = MicroBatchSource.training(rows, shape(2, 8, 1, 2), RowOrder.SHUFFLED, DataCursor.start(50, 3));
        List<StepData> steps = new ArrayList<>();
        for (int step = 0; step < 20; step++) {
            steps.add(whole.next());
        }
        for (int from = 0; from < 19; from++) {
            DataCursor saved = DataCursor.fromJson(steps.get(from).cursor().toJson());
            assertEquals(8L * (from + 1), saved.consumedSamples());
            StepData next = MicroBatchSource.training(rows, shape(2, 8, 1, 2), RowOrder.SHUFFLED, saved).next();
            assertEquals(steps.get(from + 1).cursor(), next.cursor());
            for (int m = 0; m < 2; m++) {
                assertArrayEquals(steps.get(from + 1).microBatches().get(m).ids(), next.microBatches().get(m).ids());
            }
        }
    }

    @Test
    void anotherGlobalBatchSizeOnResumeRepeatsNoRow() {
        InMemoryRows rows = NumberedRows.of(50);
        DataCursor start = DataCursor.start(50, 3);
        List<Integer> seen = new ArrayList<>();
        globalBatches(rows, 1, 8, 1, start, 3).forEach(seen::addAll);
        DataCursor after = start.afterStep(8).afterStep(8).afterStep(8);
        globalBatches(rows, 1, 5, 1, after, 5).forEach(seen::addAll);
        assertEquals(49, seen.stream().distinct().count());
        assertEquals(0, after.epoch());
    }

    @Test
    void fewerRowsThanAGlobalBatchGoRoundWithoutABreak() {
        List<List<Integer>> batches = globalBatches(NumberedRows.of(5), 1, 8, 1, DataCursor.start(5, 3), 5);
        // A micro-batch of one row each: every row 8 times in 40 places.
        int[] counts = new int[5];
        batches.forEach(batch -> batch.forEach(row -> counts[row]++));
        assertArrayEquals(new int[] {8, 8, 8, 8, 8}, counts);
        DataCursor cursor = DataCursor.start(5, 3);
        for (int step = 1; step <= 5; step++) {
            cursor = cursor.afterStep(8);
            assertEquals(8.0 * step / 5, cursor.epochs(), 1e-12);
        }
        assertEquals(new DataCursor(40, 7, 5, 5, 3), cursor);
    }

    @Test
    void rowsStandSideBySideAndPaddingIsAlone() {
        InMemoryRows rows = new InMemoryRows(List.of(
                new PackedRowBuilder().add(new int[] {5, 6, 7}, new int[] {-100, 6, 7}, null).add(new int[] {8, 9}, new int[] {8, 9}, null).toRow(),
                new PackedRowBuilder().add(new int[] {3, 4}, new int[] {-100, 4}, new float[] {0, 0.5f}).toRow()));
        MicroBatch batch = MicroBatchSource.training(rows, new BatchShape(2, 2, 0, 1, 5, 99), RowOrder.SEQUENTIAL, DataCursor.start(2, 0))
                .next().microBatches().get(0);
        assertEquals(10, batch.tokens());
        assertArrayEquals(new int[] {5, 6, 7, 8, 9, 3, 4, 99, 99, 99}, batch.ids());
        assertArrayEquals(new int[] {6, 7, -100, 9, -100, 4, -100, -100, -100, -100}, batch.labels());
        assertArrayEquals(new int[] {0, 1, 2, 0, 1, 0, 1, 0, 0, 0}, batch.positions());
        assertArrayEquals(new int[] {0, 0, 0, 1, 1, 2, 2, 3, 4, 5}, batch.documents());
        assertArrayEquals(new float[] {1, 1, 0, 1, 0, 0.5f, 0, 0, 0, 0}, batch.weightsOrNull());
        assertEquals(4, batch.trainedTokens());
        assertEquals(6, batch.documentCount());
        MicroBatch alone = MicroBatchSource.training(rows, new BatchShape(1, 2, 0, 1, 5, 99), RowOrder.SEQUENTIAL, DataCursor.start(2, 0))
                .next().microBatches().get(0);
        assertEquals(5, alone.tokens());
        assertNull(alone.weightsOrNull());
    }

    @Test
    void evaluationSeesEveryRowOnceAndEveryRankHasAsManySteps() {
        for (int count : new int[] {1, 7, 8, 9, 23}) {
            List<Integer> seen = new ArrayList<>();
            for (int rank = 0; rank < 4; rank++) {
                MicroBatchSource source = MicroBatchSource.evaluation(NumberedRows.of(count), new BatchShape(1, 8, rank, 4, 16, 0));
                long steps = 0;
                while (source.hasNext()) {
                    StepData step = source.next();
                    assertEquals(2, step.microBatches().size());
                    for (MicroBatch batch : step.microBatches()) {
                        assertEquals(0, batch.tokens() % 16);
                        assertTrue(batch.tokens() > 0);
                        new Into(seen).add(batch);
                    }
                    steps++;
                }
                assertEquals(TrainingLength.evaluationSteps(count, 8), steps);
                assertThrows(NoSuchElementException.class, source::next);
            }
            assertEquals(count, seen.size());
            assertEquals(count, seen.stream().distinct().count());
        }
    }

    @Test
    void sequentialOrderIsTheStoredOne() {
        assertEquals(List.of(0, 1, 2, 3), NumberedRows.rowsIn(MicroBatchSource
                .training(NumberedRows.of(9), shape(4, 4, 0, 1), RowOrder.SEQUENTIAL, DataCursor.start(9, 5)).next().microBatches().get(0)));
    }

    @Test
    void wrongShapesAndCursorsSayWhatToDo() {
        String shape = assertThrows(IllegalArgumentException.class, () -> shape(2, 12, 0, 4)).getMessage();
        assertTrue(shape.contains("global_batch_size 12 cannot be dealt to 4") && shape.contains("a multiple of 8"), shape);
        String cursor = assertThrows(IllegalArgumentException.class, () -> MicroBatchSource.training(NumberedRows.of(9), shape(1, 1, 0, 1),
                RowOrder.SHUFFLED, DataCursor.start(8, 1))).getMessage();
        assertTrue(cursor.contains("of a data set of 8 rows") && cursor.contains("this run has 9 rows") && cursor.contains("finetune true"), cursor);
        String seed = assertThrows(IllegalArgumentException.class, () -> DataCursor.start(8, 1).requireSame(8, 2)).getMessage();
        assertTrue(seed.contains("seed 1") && seed.contains("seed 2"), seed);
        for (String json : Arrays.asList("", "{}", "{\"epoch\":1}", "{\"consumedSamples\":1,\"epoch\":0,\"place\":1,\"rows\":0,\"seed\":1}",
                "{\"consumedSamples\":1,\"epoch\":0,\"place\":1,\"rows\":9}")) {
            assertThrows(IllegalArgumentException.class, () -> DataCursor.fromJson(json), json);
        }
    }

    @Test
    void stepsOfEpochs() {
        assertEquals(18, TrainingLength.trainIters(103, 16, 3));
        assertEquals(6, TrainingLength.trainIters(96, 16, 1));
        assertEquals(1, TrainingLength.trainIters(5, 8, 2));
        assertEquals(31, TrainingLength.trainIters(5, 16, 100));
        String message = assertThrows(IllegalArgumentException.class, () -> TrainingLength.trainIters(5, 16, 3)).getMessage();
        assertTrue(message.contains("has 5 rows") && message.contains("max_epochs to at least 4"), message);
        assertEquals(1, TrainingLength.trainIters(5, 16, 4));
        assertEquals(3, TrainingLength.evaluationSteps(17, 8));
        assertEquals(2, TrainingLength.evaluationSteps(16, 8));
    }
}
