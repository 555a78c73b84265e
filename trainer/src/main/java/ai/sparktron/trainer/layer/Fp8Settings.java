package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Fp8Kernels.Outlook;
import ai.sparktron.trainer.tensor.DType;

/**
 * How linears multiply in eight bits. Megatron's options {@code fp8_format}, {@code fp8_recipe}, {@code fp8_amax_history_len} and {@code fp8_amax_compute_algo}.
 *
 * @param recipe       how scales are chosen
 * @param gradients    type of the outputs' gradients: F8_E4M3, or F8_E5M2 in the hybrid format; all else is F8_E4M3
 * @param historySteps steps that delayed scaling remembers
 * @param outlook      what delayed scaling takes from them
 */
public record Fp8Settings(Recipe recipe, DType gradients, int historySteps, Outlook outlook) {

    /** {@code fp8_recipe}. */
    public enum Recipe {
        /** One scale a tensor, of its own largest magnitude. */
        TENSORWISE,
        /** One scale a tensor, of the largest magnitudes of past steps; that of weights is always their own. */
        DELAYED,
        /** Activations and gradients have a scale for each 128 neighbours, weights for each 128 x 128 (arXiv 2412.19437). */
        BLOCKWISE
    }

    public Fp8Settings {
        if (gradients != DType.F8_E4M3 && gradients != DType.F8_E5M2 || historySteps < 1) {
            throw new IllegalArgumentException("gradients in " + gradients + " and " + historySteps + " steps: expected F8_E4M3 or F8_E5M2, and at least one step");
        }
    }
}
