package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * How results in float32 become BF16 values that have no main weights beside them: up or down by chance, the nearer one the likelier, so that the mean of what is kept
 * is the result and updates that are smaller than a unit in the value's last place are not lost.
 *
 * <p><b>Rounding.</b> 16 random bits are added to the bits of the float32, whose upper half is then the value. So a number that BF16 has stays as it is (a weight without
 * an update does not move), zeros keep their sign, infinities stay, a finite number never becomes infinite (where the sum would be, the value is cut instead), and what
 * is not a number becomes 0x7fc0.
 *
 * <p><b>Bits.</b> An element has a number of 64 bits, whatever rank holds it and wherever its range begins, so that replicas and ranks that share an update out round
 * alike, as does a run that is resumed. The bits of element number c in update t are half c % 2 (0 is the lower) of word c % 8 / 2 of the {@link Philox} block whose counter
 * is c / 8 (unsigned) in the low two words and t in the upper two, and whose key is the seed. Other users of the seed have zero in the upper words.
 *
 * @param seed    of the run
 * @param numbers I64 [stretches, 2] on the engine: the first element of each stretch of the flat buffer, rising and the first no further than {@code first}, and that
 *                element's number; both are multiples of 8. A stretch's elements are numbered on from its first, up to where the next one begins
 * @param first   element of the flat buffer that element 0 of the range is
 */
public record StochasticRounding(long seed, Tensor numbers, long first) {

    /** Of a range that begins later in the same buffer. */
    public StochasticRounding at(long from) {
        return new StochasticRounding(seed, numbers, first + from);
    }

    /** The BF16 value of a result. @param bits of its element, 0 to 65535 */
    public static short round(float result, int bits) {
        if (Float.isNaN(result)) {
            return HalfPrecision.toBfloat16(Float.NaN);
        }
        int exact = Float.floatToRawIntBits(result);
        int sum = exact + bits;
        boolean overflows = Float.isInfinite(Float.intBitsToFloat(sum & 0xffff0000)) && !Float.isInfinite(result);
        return (short) ((overflows ? exact : sum) >>> 16);
    }
}
