package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.tensor.DType;

/**
 * The types in which training keeps its numbers per parameter. Computation of an update is in float32 whatever they are.
 *
 * @param value        what layers read: F32, BF16 or F16
 * @param gradient     what micro-batches add to: F32, or BF16 beside BF16 values
 * @param main         main weights beside the values: F32, F16 (scaled) or I16 (low halves beside BF16 values); null where the values are the main weights: F32, or
 *                     BF16 that is rounded by chance
 * @param firstMoment  F32, BF16, F16 or F8_E4M3
 * @param secondMoment F32, BF16, F16 or F8_E4M3
 */
public record StateTypes(DType value, DType gradient, DType main, DType firstMoment, DType secondMoment) {

    public StateTypes {
        boolean fits = value == DType.F32 ? main == null : main != null || value == DType.BF16;
        if (!fits || main == DType.I16 && value != DType.BF16 || gradient != DType.F32 && gradient != value || gradient == DType.F16) {
            throw new IllegalArgumentException("values " + value + " with gradients " + gradient + " and main weights " + main + ": no form of training");
        }
    }

    /** Whether values are the only weights though float32 does not fit them, so that updates are rounded by chance. */
    public boolean roundsByChance() {
        return main == null && value == DType.BF16;
    }

    /** All in float32, or values of 16 bits with float32 gradients, main weights and moments. */
    public static StateTypes of(DType value) {
        return new StateTypes(value, DType.F32, value == DType.F32 ? null : DType.F32, DType.F32, DType.F32);
    }
}
