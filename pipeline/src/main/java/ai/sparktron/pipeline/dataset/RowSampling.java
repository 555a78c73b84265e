package ai.sparktron.pipeline.dataset;

/**
 * The rule behind the {@code #N} suffix over a dataset of {@code rows} rows: {@code N / rows} whole copies and then {@code N % rows} further
 * rows, taken from a {@link RowPermutation} of {@code data_seed}, or the first ones where rows are not shuffled. Everything is a pure function
 * of its arguments: tasks agree without talking.
 */
public final class RowSampling {

    private final long rows;
    private final long wanted;
    private final RowPermutation permutation;

    /**
     * @param rows    rows in the dataset, at least 1
     * @param wanted  rows to take, at least 1; may exceed {@code rows}
     * @param seed    {@code data_seed}
     * @param shuffle whether the further rows are drawn ({@code dataset_shuffle}) or the first ones
     */
    public RowSampling(long rows, long wanted, long seed, boolean shuffle) {
        if (rows < 1 || wanted < 1) {
            throw new IllegalArgumentException("sampling " + wanted + " of " + rows + " rows: both must be at least 1");
        }
        this.rows = rows;
        this.wanted = wanted;
        this.permutation = shuffle ? new RowPermutation(rows, seed) : null;
    }

    /** How many rows the sample has. */
    public long size() {
        return wanted;
    }

    /** How often a row of the dataset occurs in the sample. */
    public long copiesOf(long row) {
        long position = permutation == null ? row : permutation.positionOf(row);
        return wanted / rows + (position < wanted % rows ? 1 : 0);
    }

    /** The row at an index of the sample: the whole copies first, then the further rows. */
    public long rowAt(long index) {
        if (index < 0 || index >= wanted) {
            throw new IndexOutOfBoundsException("index " + index + " outside a sample of " + wanted + " rows");
        }
        if (index < wanted / rows * rows) {
            return index % rows;
        }
        return permutation == null ? index % rows : permutation.at(index % rows);
    }

    /**
     * Rows that {@code split_dataset_ratio} takes for validation: {@code max(floor(min(rows, wanted) * ratio), 1)}; with {@code #N} the training
     * part keeps {@code wanted} minus these.
     *
     * @param wanted the {@code #N} count, or {@code rows} where there is none
     * @param ratio  in [0, 1); 0 = no validation rows
     */
    public static long validationRows(long rows, long wanted, double ratio) {
        if (!(ratio >= 0 && ratio < 1)) {
            throw new IllegalArgumentException("split_dataset_ratio " + ratio + ": expected at least 0 and less than 1");
        }
        return ratio == 0 ? 0 : Math.max((long) (Math.min(rows, wanted) * ratio), 1);
    }
}
