package ai.sparktron.trainer.model;

import java.util.Objects;

/**
 * How a token's scores become its experts and their weights, as {@code config.json} gives it.
 *
 * @param chosen       k, {@code num_experts_per_tok}
 * @param score        {@code scoring_func}
 * @param selection    whether a bias that no gradient trains is added to the scores for choosing ({@code e_score_correction_bias})
 * @param groups       {@code n_group}: equal groups of neighbouring experts; 1 = none
 * @param chosenGroups {@code topk_group}: groups that a token may choose from
 * @param groupBest    how many of a group's best scores add up to the score of the group
 * @param normalise    {@code norm_topk_prob}: whether the weights of the chosen are divided by their sum
 * @param scale        {@code routed_scaling_factor}, on the weights
 * @param arithmetic   what logits are computed in; config.json does not say it
 */
public record RouterConfig(int chosen, Score score, boolean selection, int groups, int chosenGroups, int groupBest, boolean normalise, double scale,
                           Arithmetic arithmetic) {

    /** {@code moe_router_dtype}. */
    public enum Arithmetic {
        /** Float32 sums of the stream's numbers. */
        FP32,
        /** Products and sums in float64, rounded once to float32. */
        FP64,
        /** Logits and weights are rounded to the stream's type. */
        NONE
    }

    /** From logits to scores. */
    public enum Score {
        /** Over all experts. */
        SOFTMAX,
        /** Each expert by itself. */
        SIGMOID
    }

    public RouterConfig {
        Objects.requireNonNull(score, "score");
        Objects.requireNonNull(arithmetic, "arithmetic");
    }

    /** In float32. */
    public RouterConfig(int chosen, Score score, boolean selection, int groups, int chosenGroups, int groupBest, boolean normalise, double scale) {
        this(chosen, score, selection, groups, chosenGroups, groupBest, normalise, scale, Arithmetic.FP32);
    }

    /** The same in another arithmetic. */
    RouterConfig in(Arithmetic other) {
        return new RouterConfig(chosen, score, selection, groups, chosenGroups, groupBest, normalise, scale, other);
    }
}
