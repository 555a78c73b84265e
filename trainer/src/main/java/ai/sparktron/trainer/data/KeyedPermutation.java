package ai.sparktron.trainer.data;

import java.util.Objects;

/**
 * A permutation of 0 .. rows - 1 chosen by (seed, epoch), in constant memory: the swap-or-not shuffle of Hoang, Morris and Rogaway (CRYPTO 2012). Each
 * round pairs every number x with K - x, and a hash of the pair decides whether the two change places.
 *
 * <p>A shuffled list would do as well, but costs 8 bytes a row on every rank and must be made anew each epoch. A Feistel cipher is quicker, but with a
 * dozen rows, which small experiments have, its halves are so small that neighbours stay together 6 % too often. A place costs about 0.6 us, a
 * row of 4,096 tokens several times that to copy alone.
 *
 * <p>The values are part of what a checkpoint means: another permutation for the same seed would repeat some rows and miss others after a resume, so
 * they are pinned by a test.
 */
final class KeyedPermutation implements SampleOrder {

    /** Enough that no statistic tried tells it from a uniform choice; Ethereum's beacon chain takes 90. */
    private static final int ROUNDS = 96;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private final long rows;
    private final long[] pairSums = new long[ROUNDS];
    private final long[] keys = new long[ROUNDS];

    KeyedPermutation(long seed, long epoch, long rows) {
        if (rows < 1 || rows > 1L << 52) {
            throw new IllegalArgumentException("cannot order " + rows + " rows");
        }
        this.rows = rows;
        long state = mix(mix(seed + GOLDEN) ^ (epoch + 1) * GOLDEN);
        for (int round = 0; round < ROUNDS; round++) {
            state += GOLDEN;
            pairSums[round] = Long.remainderUnsigned(mix(state), rows);
            state += GOLDEN;
            keys[round] = mix(state);
        }
    }

    @Override
    public long row(long place) {
        long value = Objects.checkIndex(place, rows);
        for (int round = 0; round < ROUNDS; round++) {
            long partner = pairSums[round] - value;
            partner += partner < 0 ? rows : 0;
            long hash = mix(Math.max(value, partner) ^ keys[round]);
            value = hash < 0 ? partner : value;
        }
        return value;
    }

    /** Finaliser of splitmix64. */
    private static long mix(long value) {
        long z = value;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
