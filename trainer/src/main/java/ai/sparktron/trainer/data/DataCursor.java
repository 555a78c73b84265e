package ai.sparktron.trainer.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Where training stands in the data: everything a checkpoint needs to go on with the next unread row. Because order is a function of (seed, epoch,
 * rows), nothing is read or replayed on resume.
 *
 * <p>An epoch gives {@code rows - rows % globalBatchSize} of its rows; the few that the permutation puts last are left out of that epoch, and are
 * others in the next. That is a rule of the global batch alone, so the number of trainers does not matter, and neither does it when the global batch
 * size changes on resume. A data set smaller than one global batch is gone through without a break, a global batch then holding rows of several
 * epochs.
 *
 * @param consumedSamples rows consumed since training began, over all epochs
 * @param epoch           epoch being read, from 0
 * @param place           rows of this epoch consumed
 * @param rows            rows of the data set the cursor belongs to
 * @param seed            seed of the order
 */
public record DataCursor(long consumedSamples, long epoch, long place, long rows, long seed) {

    public DataCursor {
        if (rows < 1 || place < 0 || place > rows || epoch < 0 || consumedSamples < place) {
            throw new IllegalArgumentException("data cursor is out of range: consumedSamples " + consumedSamples + ", epoch " + epoch + ", place "
                    + place + ", rows " + rows);
        }
    }

    /** The beginning of a data set. */
    public static DataCursor start(long rows, long seed) {
        return new DataCursor(0, 0, 0, rows, seed);
    }

    /** Where a step of {@code globalBatchSize} rows begins: here, or at the next epoch when this one has too few rows left. */
    DataCursor beforeStep(int globalBatchSize) {
        boolean epochEnds = rows >= globalBatchSize ? rows - place < globalBatchSize : place == rows;
        return epochEnds ? new DataCursor(consumedSamples, epoch + 1, 0, rows, seed) : this;
    }

    /** Where training stands after a step of {@code globalBatchSize} rows from here. */
    public DataCursor afterStep(int globalBatchSize) {
        DataCursor start = beforeStep(globalBatchSize);
        long end = start.place + globalBatchSize;
        // An epoch that is used up to its last row counts as read, not as the beginning of the next.
        long whole = (end - 1) / rows;
        return new DataCursor(consumedSamples + globalBatchSize, start.epoch + whole, end - whole * rows, rows, seed);
    }

    /** Epochs gone through, as a fraction: what progress shows. */
    public double epochs() {
        return epoch + (double) place / rows;
    }

    /**
     * A cursor goes on only in the data it was made for.
     *
     * @throws IllegalArgumentException when the data set at hand has another number of rows or the run another seed
     */
    public void requireSame(long actualRows, long actualSeed) {
        if (rows != actualRows || seed != actualSeed) {
            throw new IllegalArgumentException("the checkpoint stands at row " + place + " of epoch " + epoch + " of a data set of " + rows
                    + " rows in the order of seed " + seed + ", but this run has " + actualRows + " rows and seed " + actualSeed
                    + ": give the same data set and seed to resume, or finetune true to start at the beginning of the new data");
        }
    }

    /** One line of JSON. */
    public String toJson() {
        try {
            return new ObjectMapper().writeValueAsString(new ObjectMapper().createObjectNode().put("consumedSamples", consumedSamples)
                    .put("epoch", epoch).put("place", place).put("rows", rows).put("seed", seed));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a data cursor is always JSON", e);
        }
    }

    /** @throws IllegalArgumentException when the text is not a cursor, saying why */
    public static DataCursor fromJson(String json) {
        try {
            return new ObjectMapper().enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES).readValue(json, DataCursor.class);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("data cursor " + json + " cannot be read: " + e.getOriginalMessage(), e);
        }
    }
}
