package ai.sparktron.trainer.kernels;

/**
 * Counter-based random numbers, Philox4x32-10 (Salmon et al., SC'11): number i of a seed without the ones before it, the same on every engine.
 *
 * <p>Element i of a tensor takes word i % 4 of the block whose counter is i / 4 (in the low two words) and whose key is the seed. A uniform number
 * is the word's upper 24 bits times 2^-24. Normal numbers come in pairs by Box-Muller from words (0, 1) and (2, 3): radius from the even word,
 * (w + 1) * 2^-32, angle from the odd one, w * 2^-32; the cosine is the even element, the sine the odd one.
 */
public final class Philox {

    private static final int MULTIPLIER_0 = 0xD2511F53;
    private static final int MULTIPLIER_1 = 0xCD9E8D57;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;
    private static final int ROUNDS = 10;

    private Philox() {
    }

    /** The four words of a counter under a key, into {@code words}, which may be {@code counter}. */
    public static void block(int[] counter, int key0, int key1, int[] words) {
        int c0 = counter[0];
        int c1 = counter[1];
        int c2 = counter[2];
        int c3 = counter[3];
        int k0 = key0;
        int k1 = key1;
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = (MULTIPLIER_0 & 0xffffffffL) * (c0 & 0xffffffffL);
            long product1 = (MULTIPLIER_1 & 0xffffffffL) * (c2 & 0xffffffffL);
            int next0 = (int) (product1 >>> 32) ^ c1 ^ k0;
            int next2 = (int) (product0 >>> 32) ^ c3 ^ k1;
            c1 = (int) product1;
            c3 = (int) product0;
            c0 = next0;
            c2 = next2;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        words[0] = c0;
        words[1] = c1;
        words[2] = c2;
        words[3] = c3;
    }

    /** The words of elements 4 * block to 4 * block + 3 of a seed. */
    public static void words(long seed, long block, int[] words) {
        words[0] = (int) block;
        words[1] = (int) (block >>> 32);
        words[2] = 0;
        words[3] = 0;
        block(words, (int) seed, (int) (seed >>> 32), words);
    }

    /** A word as a number in [0, 1). */
    public static float uniform(int word) {
        return (word >>> 8) * 0x1p-24f;
    }

    /** The standard normal number of lane {@code lane} (0 to 3) of a block's words. */
    public static float normal(int[] words, int lane) {
        int even = lane & ~1;
        double radius = Math.sqrt(-2 * Math.log(((words[even] & 0xffffffffL) + 1) * 0x1p-32));
        double angle = 2 * Math.PI * ((words[even + 1] & 0xffffffffL) * 0x1p-32);
        return (float) (radius * (lane == even ? Math.cos(angle) : Math.sin(angle)));
    }
}
