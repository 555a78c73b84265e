package ai.sparktron.trainer.kernels.nd4j;

import java.util.Arrays;

/** Sums over many rows, in float32 over {@value #BLOCK} rows at a time, so that the error does not grow with the number of rows. */
final class ColumnSums {

    private static final int BLOCK = 128;

    private float[] partial;
    private float[] total;
    private int rows;

    ColumnSums(int columns) {
        partial = new float[columns];
        total = new float[columns];
    }

    /** Starts again at 0, for up to as many columns as given. */
    void clear(int columns) {
        if (partial.length < columns) {
            partial = new float[columns];
            total = new float[columns];
        }
        clear();
    }

    void clear() {
        Arrays.fill(partial, 0);
        Arrays.fill(total, 0);
        rows = 0;
    }

    /** The sums to add one more row to. */
    float[] next() {
        if (rows++ == BLOCK) {
            fold();
            rows = 1;
        }
        return partial;
    }

    private void fold() {
        HostElementwise.addTo(total, partial, total.length);
        Arrays.fill(partial, 0);
    }

    /** Adds the sums to columns of a vector. */
    void addTo(HostRows target, int column, int count) {
        fold();
        target.load(0, column, count, partial);
        HostElementwise.addTo(total, partial, count);
        target.store(0, column, count, total);
    }
}
