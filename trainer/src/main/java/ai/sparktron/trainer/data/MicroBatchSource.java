package ai.sparktron.trainer.data;

import ai.sparktron.packing.shard.TokenRow;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * The micro-batches of each step for one data rank. Rows of a step, over all ranks together, depend on seed, epoch and data alone; see
 * {@link DataCursor} for what an epoch is.
 *
 * <p>{@link #training} goes on for ever, from any cursor. {@link #evaluation} goes once through all rows in stored order and leaves none out: where
 * the last global batch has too few rows, micro-batches are short, or hold nothing but padding, so that every rank still has as many steps and
 * micro-batches as every other.
 */
public final class MicroBatchSource implements StepSource {

    private enum Passes { ENDLESS, ONE }

    private final RowSource rows;
    private final BatchShape shape;
    private final RowOrder order;
    private final Passes passes;
    private DataCursor cursor;
    private SampleOrder epochOrder;
    private long epochOfOrder = -1;

    private MicroBatchSource(RowSource rows, BatchShape shape, RowOrder order, Passes passes, DataCursor cursor) {
        this.rows = rows;
        this.shape = shape;
        this.order = order;
        this.passes = passes;
        this.cursor = cursor;
    }

    /**
     * Steps without end from {@code cursor} on.
     *
     * @param cursor {@link DataCursor#start} or that of a checkpoint; its seed is the seed of the order
     * @throws IllegalArgumentException when the cursor belongs to a data set of another size
     */
    public static MicroBatchSource training(RowSource rows, BatchShape shape, RowOrder order, DataCursor cursor) {
        cursor.requireSame(rows.rows(), cursor.seed());
        return new MicroBatchSource(rows, shape, order, Passes.ENDLESS, cursor);
    }

    /** {@link TrainingLength#evaluationSteps} steps over all rows, once. */
    public static MicroBatchSource evaluation(RowSource rows, BatchShape shape) {
        return new MicroBatchSource(rows, shape, RowOrder.SEQUENTIAL, Passes.ONE, DataCursor.start(rows.rows(), 0));
    }

    @Override
    public boolean hasNext() {
        return passes == Passes.ENDLESS || cursor.place() < rows.rows();
    }

    @Override
    public StepData next() {
        if (!hasNext()) {
            throw new NoSuchElementException("all " + rows.rows() + " rows have been evaluated");
        }
        DataCursor start = passes == Passes.ENDLESS ? cursor.beforeStep(shape.globalBatchSize()) : cursor;
        List<MicroBatch> batches = new ArrayList<>(shape.microBatches());
        for (int microBatch = 0; microBatch < shape.microBatches(); microBatch++) {
            batches.add(microBatch(start, microBatch));
        }
        cursor = passes == Passes.ENDLESS ? cursor.afterStep(shape.globalBatchSize()) : afterEvaluationStep();
        return new StepData(batches, cursor);
    }

    private DataCursor afterEvaluationStep() {
        long place = Math.min(rows.rows(), cursor.place() + shape.globalBatchSize());
        return new DataCursor(place, 0, place, rows.rows(), 0);
    }

    private MicroBatch microBatch(DataCursor start, int microBatch) {
        List<TokenRow> picked = new ArrayList<>(shape.microBatchSize());
        List<Long> samples = new ArrayList<>(shape.microBatchSize());
        for (int row = 0; row < shape.microBatchSize(); row++) {
            int inBatch = shape.placeInGlobalBatch(microBatch, row);
            long place = start.place() + inBatch;
            if (passes == Passes.ENDLESS) {
                picked.add(rows.row(order(start.epoch() + place / rows.rows()).row(place % rows.rows())));
                samples.add(start.consumedSamples() + inBatch);
            } else if (place < rows.rows()) {
                picked.add(rows.row(place));
                samples.add(place);
            }
        }
        return MicroBatchAssembly.of(picked, samples, shape.padMultiple(), shape.padId());
    }

    private SampleOrder order(long epoch) {
        if (epoch != epochOfOrder) {
            epochOrder = order.of(cursor.seed(), epoch, rows.rows());
            epochOfOrder = epoch;
        }
        return epochOrder;
    }

    @Override
    public void close() {
        // Rows belong to whoever opened them.
    }
}
