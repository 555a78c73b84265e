package ai.sparktron.packing.bin;

import java.util.Arrays;

/**
 * Best-fit decreasing over the whole input: samples longest first (equal lengths by index), each into the fullest row with room for it, a new row if
 * there is none. Lengths are sorted by counting; rows of equal free space form a stack, and a bitset over free space finds the smallest that is large
 * enough, so a sample costs a few word operations however many rows are open.
 */
public final class BestFitPacker implements Packer {

    private static final int NONE = -1;

    @Override
    public RowPlan pack(int[] lengths, int capacity) {
        RowPlan.check(lengths, capacity);
        int[] order = longestFirst(lengths);
        int[] rowOfSample = new int[lengths.length];
        OpenRows open = new OpenRows(lengths.length, capacity);
        for (int sample : order) {
            rowOfSample[sample] = open.place(lengths[sample]);
        }
        return RowPlan.ofAssignment(rowOfSample, open.rows, lengths, capacity);
    }

    private static int[] longestFirst(int[] lengths) {
        int longest = 0;
        for (int length : lengths) {
            longest = Math.max(longest, length);
        }
        int[] next = new int[longest + 1];
        for (int length : lengths) {
            next[length]++;
        }
        int place = 0;
        for (int length = longest; length >= 0; length--) {
            int count = next[length];
            next[length] = place;
            place += count;
        }
        int[] order = new int[lengths.length];
        for (int sample = 0; sample < lengths.length; sample++) {
            order[next[lengths[sample]]++] = sample;
        }
        return order;
    }

    /** Rows by free space: one stack of rows per free space, and two levels of bits that say which stacks are not empty. */
    private static final class OpenRows {
        private final int capacity;
        private final int[] top;
        private final int[] below;
        private final long[] words;
        private final long[] summary;
        private int rows;

        OpenRows(int mostRows, int capacity) {
            this.capacity = capacity;
            top = new int[capacity + 1];
            Arrays.fill(top, NONE);
            below = new int[mostRows];
            words = new long[(capacity >>> 6) + 1];
            summary = new long[(words.length >>> 6) + 1];
        }

        /** Puts a sample into the fullest row that holds it and returns the row. */
        int place(int length) {
            int free = smallestFree(length);
            int row;
            if (free == NONE) {
                row = rows++;
                free = capacity;
            } else {
                row = top[free];
                top[free] = below[row];
                if (top[free] == NONE) {
                    clear(free);
                }
            }
            int left = free - length;
            if (left > 0) {
                if (top[left] == NONE) {
                    set(left);
                }
                below[row] = top[left];
                top[left] = row;
            }
            return row;
        }

        private int smallestFree(int atLeast) {
            int word = atLeast >>> 6;
            long bits = words[word] & (-1L << atLeast);
            if (bits != 0) {
                return (word << 6) + Long.numberOfTrailingZeros(bits);
            }
            int next = word + 1;
            int block = next >>> 6;
            if (block >= summary.length) {
                return NONE;
            }
            long blocks = summary[block] & (-1L << next);
            while (blocks == 0) {
                if (++block == summary.length) {
                    return NONE;
                }
                blocks = summary[block];
            }
            word = (block << 6) + Long.numberOfTrailingZeros(blocks);
            return (word << 6) + Long.numberOfTrailingZeros(words[word]);
        }

        private void set(int free) {
            words[free >>> 6] |= 1L << free;
            summary[free >>> 12] |= 1L << (free >>> 6);
        }

        private void clear(int free) {
            words[free >>> 6] &= ~(1L << free);
            if (words[free >>> 6] == 0) {
                summary[free >>> 12] &= ~(1L << (free >>> 6));
            }
        }
    }
}
