package ai.sparktron.trainer.kernels;

import java.util.Objects;

/**
 * How a token's scores become its experts and their weights.
 *
 * @param experts      E
 * @param chosen       k, experts of a token
 * @param score        from logits to scores
 * @param groups       G equal groups of neighbouring experts; 1 = no groups
 * @param chosenGroups groups a token may choose from
 * @param groupBest    how many of a group's best ranks add up to the rank of the group: 1 (DeepSeek-V2) or 2 (DeepSeek-V3)
 * @param normalise    whether the weights of the chosen are divided by their sum; with softmax this is softmax after choosing
 * @param scale        factor on the weights
 */
public record RoutingRule(int experts, int chosen, Score score, int groups, int chosenGroups, int groupBest, boolean normalise, float scale) {

    /** What is added to the sum that weights are divided by, so that no sum is 0. */
    public static final double SUM_FLOOR = 1e-20;

    /** From logits to scores. */
    public enum Score {
        /** Over all experts. */
        SOFTMAX,
        /** Each expert by itself. */
        SIGMOID
    }

    public RoutingRule {
        Objects.requireNonNull(score, "score");
        if (experts <= 0 || chosen <= 0 || chosen > experts) {
            throw new IllegalArgumentException(chosen + " experts of a token (num_experts_per_tok) of " + experts + " (num_experts): expected 1 to " + experts);
        }
        if (groups <= 0 || experts % groups != 0 || chosenGroups <= 0 || chosenGroups > groups || groupBest <= 0) {
            throw new IllegalArgumentException(experts + " experts in " + groups + " groups (n_group) of which a token takes " + chosenGroups
                    + " (topk_group): expected groups that divide the experts, and at most all of them");
        }
        if (chosenGroups * (experts / groups) < chosen) {
            throw new IllegalArgumentException(chosenGroups + " groups (topk_group) of " + experts / groups + " experts cannot give a token its " + chosen
                    + " (num_experts_per_tok)");
        }
    }

    /** The same without groups: any experts may be chosen together. */
    public RoutingRule withoutGroups() {
        return plain(experts, chosen, score, normalise, scale);
    }

    /** Without groups. */
    public static RoutingRule plain(int experts, int chosen, Score score, boolean normalise, float scale) {
        return new RoutingRule(experts, chosen, score, 1, 1, 1, normalise, scale);
    }

    /** A single gate: weight = sigmoid(logit). */
    public static RoutingRule gate() {
        return plain(1, 1, Score.SIGMOID, false, 1);
    }
}
