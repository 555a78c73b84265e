package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * What one AdamW update reads and writes of a flat range [n], besides the gradient. All is computed in float32; these are types of storage.
 *
 * <p>Main weights, from which an update starts, are kept in one of five forms:
 * <table>
 * <tr><th>value</th><th>main</th><th>what it is</th></tr>
 * <tr><td>F32</td><td>null</td><td>the value is the main weight</td></tr>
 * <tr><td>BF16, F16</td><td>F32</td><td>the value is the main weight, rounded</td></tr>
 * <tr><td>BF16</td><td>I16</td><td>the low half of a float32 whose upper half the value is, but for rounding: exact, at half the memory</td></tr>
 * <tr><td>BF16, F16</td><td>F16</td><td>scaled by blocks; the value is rounded from what the update gave, not from what is stored</td></tr>
 * <tr><td>BF16</td><td>null</td><td>the value is the main weight, and is rounded by chance: {@link StochasticRounding} has the bits</td></tr>
 * </table>
 *
 * <p><b>Rounding.</b> A BF16 value beside main weights is the nearest one, ties away from zero, so that value V and low half L tell the float32 bits: ((V - (L >>> 15)) << 16) | L. (With
 * ties to even they would not.) So all forms with float32 main weights give the same bits. An F16 value is the nearest one, ties to even.
 *
 * <p><b>Moments</b> are F32, BF16, F16 (scaled) or F8_E4M3 (scaled), rounded to nearest even. A second moment in F8_E4M3 is kept as its root, which halves the range
 * that 8 bits must span, and a root that is not zero is at least the type's smallest number: rounded down to zero it would blow up the update of its parameter.
 *
 * @param value        what layers read
 * @param main         main weights, null where the value is F32 or rounded by chance
 * @param firstMoment  running mean of the gradient
 * @param secondMoment running mean of its square
 * @param rounding     of BF16 values without main weights; null in every other form
 */
public record AdamWTensors(Tensor value, StateTensor main, StateTensor firstMoment, StateTensor secondMoment, StochasticRounding rounding) {

    /** A form whose values are rounded to nearest. */
    public AdamWTensors(Tensor value, StateTensor main, StateTensor firstMoment, StateTensor secondMoment) {
        this(value, main, firstMoment, secondMoment, null);
    }

    /** Float32 everything: no main weights beside the values. */
    public static AdamWTensors float32(Tensor value, Tensor firstMoment, Tensor secondMoment) {
        return new AdamWTensors(value, null, StateTensor.plain(firstMoment), StateTensor.plain(secondMoment));
    }

    /** Whether main weights are value and low half. */
    public boolean hasRemainder() {
        return main != null && main.elements().dtype() == DType.I16;
    }
}
