package ai.sparktron.packing.bin;

import java.util.Arrays;

/**
 * Which samples each row holds. Row r holds samples {@code sample(from) .. sample(to - 1)} with {@code from = start(r)}, {@code to = start(r + 1)},
 * ascending within a row. Two flat arrays, so that a plan of a million samples costs 8 MB.
 */
public final class RowPlan {

    private final int[] samples;
    private final int[] starts;
    private final int capacity;
    private final long tokens;

    private RowPlan(int[] samples, int[] starts, int capacity, long tokens) {
        this.samples = samples;
        this.starts = starts;
        this.capacity = capacity;
        this.tokens = tokens;
    }

    /** Gathers the samples of each row by counting, which leaves them ascending within a row. */
    static RowPlan ofAssignment(int[] rowOfSample, int rows, int[] lengths, int capacity) {
        int[] starts = new int[rows + 1];
        long tokens = 0;
        for (int sample = 0; sample < rowOfSample.length; sample++) {
            starts[rowOfSample[sample] + 1]++;
            tokens += lengths[sample];
        }
        for (int row = 0; row < rows; row++) {
            starts[row + 1] += starts[row];
        }
        int[] next = Arrays.copyOf(starts, rows);
        int[] samples = new int[rowOfSample.length];
        for (int sample = 0; sample < rowOfSample.length; sample++) {
            samples[next[rowOfSample[sample]]++] = sample;
        }
        return new RowPlan(samples, starts, capacity, tokens);
    }

    /** @throws IllegalArgumentException naming capacity, or index and length of the first sample that no row can hold */
    static void check(int[] lengths, int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("row capacity is " + capacity + ": expected at least 1 token (max_length)");
        }
        for (int sample = 0; sample < lengths.length; sample++) {
            if (lengths[sample] > capacity) {
                throw new IllegalArgumentException("sample " + sample + " has " + lengths[sample] + " tokens, more than a row of " + capacity
                        + " holds: raise max_length, or let truncation_strategy delete or cut such samples");
            }
            if (lengths[sample] < 1) {
                throw new IllegalArgumentException("sample " + sample + " has " + lengths[sample] + " tokens: expected 1 to " + capacity
                        + "; drop empty samples before packing");
            }
        }
    }

    /** Number of rows. */
    public int rows() {
        return starts.length - 1;
    }

    /** Number of samples in all rows. */
    public int samples() {
        return samples.length;
    }

    /** Place in the sample list where {@code row} starts; {@code start(rows())} is the end of the last row. */
    public int start(int row) {
        return starts[row];
    }

    /** Index of the sample at {@code place} of the sample list, as given to the packer. */
    public int sample(int place) {
        return samples[place];
    }

    /** Samples of one row, ascending; a new array. */
    public int[] samplesOf(int row) {
        return Arrays.copyOfRange(samples, starts[row], starts[row + 1]);
    }

    /** Tokens a row can hold. */
    public int capacity() {
        return capacity;
    }

    /** Tokens in all rows. */
    public long tokens() {
        return tokens;
    }

    /** Part of the rows' room that holds tokens, 0 to 1; 1 for a plan without rows. */
    public double fill() {
        return rows() == 0 ? 1 : (double) tokens / ((double) rows() * capacity);
    }
}
