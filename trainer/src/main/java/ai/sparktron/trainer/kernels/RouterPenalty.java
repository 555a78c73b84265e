package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * What balancing adds to the gradient of the router's logits. With p the probabilities of {@link ExpertKernels#routerStatistics}, the loss
 * sum over s of factor[s] * sum over e of counts[s, e] * (sum of p[t, e] over tokens t of sequence s), plus zFactor * sum over t of logSumExp(logits[t])^2.
 * Counts are constants of that gradient.
 *
 * @param sequences I32 [T] sequence of each token, below S; null = all belong to sequence 0
 * @param counts    [S, E] of the logits' type; null = no balancing loss
 * @param factors   [S] of the logits' type; null with {@code counts}
 * @param zFactor   0 = no z loss
 */
public record RouterPenalty(Tensor sequences, Tensor counts, Tensor factors, float zFactor) {
    public RouterPenalty {
        if ((counts == null) != (factors == null)) {
            throw new IllegalStateException("router penalty with " + (counts == null ? "factors but no counts" : "counts but no factors"));
        }
    }

    /** No balancing. */
    public static RouterPenalty none() {
        return new RouterPenalty(null, null, null, 0);
    }
}
