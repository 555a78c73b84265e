package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.dataset.RowPermutation;
import ai.sparktron.pipeline.dataset.RowSampling;
import java.io.Serializable;
import java.util.OptionalLong;

/**
 * Which rows of one source are taken, how often, and in what order: first {@code split_dataset_ratio} takes its validation rows, then {@code #N}
 * draws the rest. Everything is a function of (row index, rows, options, seed), so tasks agree without talking.
 */
final class SourceSelection implements Serializable {

    private static final long serialVersionUID = 1L;

    private final long rows;
    private final long validation;
    private final long train;
    private final boolean shuffle;
    private final long seed;

    /**
     * @param rows    rows of the source, at least 1
     * @param sample  {@code #N}
     * @param ratio   {@code split_dataset_ratio}
     * @param shuffle whether rows are drawn or taken from the front (the validation rows then from the end)
     * @param seed    differs between sources
     * @param name    the source, for messages
     */
    SourceSelection(long rows, OptionalLong sample, double ratio, boolean shuffle, long seed, String name) {
        long wanted = sample.orElse(rows);
        this.rows = rows;
        this.shuffle = shuffle;
        this.seed = seed;
        this.validation = RowSampling.validationRows(rows, wanted, ratio);
        if (validation >= rows || validation >= wanted) {
            throw new DatasetException("dataset '" + name + "': of " + Math.min(rows, wanted) + " rows, split_dataset_ratio " + ratio + " takes "
                    + validation + " for validation and leaves none to train on; use more rows, a val_dataset, or ratio 0");
        }
        this.train = sample.isPresent() ? wanted - validation : rows - validation;
    }

    long trainRows() {
        return train;
    }

    long validationRows() {
        return validation;
    }

    /** Takes positions within the selection. */
    interface Taker {
        void take(boolean forValidation, long position);
    }

    /** A drawer for one thread. */
    Drawer drawer() {
        return new Drawer();
    }

    /** Finds places of rows; keeps the permutations. */
    final class Drawer {
        private final RowPermutation split = shuffle ? new RowPermutation(rows, seed) : null;
        private final RowPermutation draw = shuffle ? new RowPermutation(rows - validation, seed + 1) : null;

        /** Gives every place that a row has in the selection, none if it was not drawn. */
        void places(long row, Taker taker) {
            long left = rows - validation;
            long place = row;
            if (shuffle) {
                place = split.positionOf(row);
                if (place < validation) {
                    taker.take(true, place);
                    return;
                }
                place -= validation;
            } else if (row >= left) {
                taker.take(true, row - left);
                return;
            }
            long copies = train / left;
            for (long copy = 0; copy < copies; copy++) {
                taker.take(false, copy * left + place);
            }
            long further = train % left;
            long drawn = shuffle ? draw.positionOf(place) : place;
            if (drawn < further) {
                taker.take(false, copies * left + drawn);
            }
        }
    }
}
