package ai.sparktron.trainer.kernels;

import java.nio.LongBuffer;

/** The random bits of {@link StochasticRounding} on the host, one after the other. */
public final class RoundingBits {

    private static final int OF_A_BLOCK = 8;

    private final StochasticRounding rounding;
    private final LongBuffer numbers;
    private final long step;
    private final int[] words = new int[4];
    private int stretch;
    private long block;
    private boolean drawn;

    /**
     * @param numbers what is in the rounding's tensor
     * @param step    number of the update
     */
    public RoundingBits(StochasticRounding rounding, LongBuffer numbers, long step) {
        this.rounding = rounding;
        this.numbers = numbers;
        this.step = step;
    }

    /** The bits of an element of the range, 0 to 65535. Elements are asked for in rising order, though some may be left out. */
    public int of(long element) {
        long flat = rounding.first() + element;
        while (2 * stretch + 2 < numbers.limit() && numbers.get(2 * stretch + 2) <= flat) {
            stretch++;
        }
        long number = numbers.get(2 * stretch + 1) + flat - numbers.get(2 * stretch);
        long its = number >>> 3;
        if (!drawn || its != block) {
            words[0] = (int) its;
            words[1] = (int) (its >>> Integer.SIZE);
            words[2] = (int) step;
            words[3] = (int) (step >>> Integer.SIZE);
            Philox.block(words, (int) rounding.seed(), (int) (rounding.seed() >>> Integer.SIZE), words);
            block = its;
            drawn = true;
        }
        int lane = (int) (number & OF_A_BLOCK - 1);
        return words[lane / 2] >>> lane % 2 * Short.SIZE & 0xffff;
    }
}
