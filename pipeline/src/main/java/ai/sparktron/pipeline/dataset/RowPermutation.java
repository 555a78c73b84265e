package ai.sparktron.pipeline.dataset;

/**
 * A permutation of {@code [0, size)} that is computed per index and never stored, so that each Spark task can ask for its own rows. It is a
 * function of (size, seed) alone: four Feistel rounds over the smallest even number of bits that holds {@code size}, walked until the result
 * falls inside.
 */
public final class RowPermutation {

    private static final int ROUNDS = 4;

    private final long size;
    private final int halfBits;
    private final long halfMask;
    private final long[] keys = new long[ROUNDS];

    public RowPermutation(long size, long seed) {
        if (size < 0) {
            throw new IllegalArgumentException("size " + size + " of a permutation: expected >= 0");
        }
        this.size = size;
        int bits = Long.SIZE - Long.numberOfLeadingZeros(Math.max(1, size - 1));
        this.halfBits = Math.max(1, (bits + 1) / 2);
        this.halfMask = (1L << halfBits) - 1;
        long state = seed ^ mix(size);
        for (int round = 0; round < ROUNDS; round++) {
            state += 0x9E3779B97F4A7C15L;
            keys[round] = mix(state);
        }
    }

    /** The row at a position of the permuted order. */
    public long at(long position) {
        check(position, "position");
        long value = position;
        do {
            long left = value >>> halfBits;
            long right = value & halfMask;
            for (int round = 0; round < ROUNDS; round++) {
                long next = left ^ (mix(right + keys[round]) & halfMask);
                left = right;
                right = next;
            }
            value = left << halfBits | right;
        } while (value >= size);
        return value;
    }

    /** The inverse of {@link #at}: where in the permuted order a row stands. */
    public long positionOf(long row) {
        check(row, "row");
        long value = row;
        do {
            long left = value >>> halfBits;
            long right = value & halfMask;
            for (int round = ROUNDS - 1; round >= 0; round--) {
                long previous = right ^ (mix(left + keys[round]) & halfMask);
                right = left;
                left = previous;
            }
            value = left << halfBits | right;
        } while (value >= size);
        return value;
    }

    private void check(long index, String what) {
        if (index < 0 || index >= size) {
            throw new IndexOutOfBoundsException(what + " " + index + " outside a permutation of " + size + " rows");
        }
    }

    private static long mix(long value) {
        long z = (value ^ value >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
