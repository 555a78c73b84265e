package ai.sparktron.packing.bin;

/**
 * Puts samples into rows of at most {@code capacity} tokens. Every sample is in exactly one row, whole; the plan is a pure function of the lengths
 * and the capacity (ties are broken by sample index), so a partition that is packed again gives the same rows.
 *
 * <p>Packers hold no state and may be shared between threads.
 */
public interface Packer {

    /**
     * @param lengths  tokens of each sample; not changed
     * @param capacity tokens that fit in a row
     * @throws IllegalArgumentException when the capacity is not positive or a sample does not fit in a row or is empty; the message names its index
     */
    RowPlan pack(int[] lengths, int capacity);
}
