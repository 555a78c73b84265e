package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.DropPolicy;
import java.util.Objects;

/**
 * How training keeps the experts of a layer evenly used. Each layer with experts adds to the loss of a micro-batch, with E experts, k of a token, T tokens
 * (without padding), f[e] the tokens that chose e and p[t, e] their probabilities:
 * <ul>
 * <li>{@code coefficient} * E / (k T^2) * sum over e of f[e] * sum over t of p[t, e] (arXiv 2101.03961), over the whole micro-batch or as a mean over its documents,
 * <li>{@code zCoefficient} / T * sum over t of logSumExp(logits[t])^2 (arXiv 2202.08906).
 * </ul>
 * Losses of micro-batches are weighted as their mean token's loss is.
 *
 * @param loss           what tokens are counted together
 * @param coefficient    on it; 0 = no such loss
 * @param zCoefficient   0 = no such loss
 * @param choice         which experts a token takes
 * @param capacityFactor an expert takes at most ceil(capacityFactor * k T / E) of the T tokens of a rank; 0 = all that come
 * @param dropPolicy     which
 */
public record Balancing(Loss loss, double coefficient, double zCoefficient, Choice choice, double capacityFactor, DropPolicy dropPolicy) {

    /** Over what a balancing loss is taken. */
    public enum Loss {
        /** The micro-batch. */
        MICRO_BATCH,
        /** Each document. */
        DOCUMENT
    }

    /** How experts are chosen. */
    public enum Choice {
        /** By their scores. */
        SCORES,
        /** In training by Sinkhorn's iteration over a rank's tokens, which shares them out evenly; otherwise by scores. */
        SINKHORN
    }

    public Balancing {
        Objects.requireNonNull(loss, "loss");
        Objects.requireNonNull(choice, "choice");
        Objects.requireNonNull(dropPolicy, "dropPolicy");
    }

    /** Nothing. */
    public static Balancing none() {
        return new Balancing(Loss.MICRO_BATCH, 0, 0, Choice.SCORES, 0, DropPolicy.PROBS);
    }
}
