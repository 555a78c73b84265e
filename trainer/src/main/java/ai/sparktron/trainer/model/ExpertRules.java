package ai.sparktron.trainer.model;

import ai.sparktron.trainer.model.RouterConfig.Score;
import java.util.Objects;

/**
 * How a family with experts reads their keys.
 *
 * @param names        of tensors
 * @param layers       which layers have experts
 * @param score        from logits to scores
 * @param selection    whether a bias that no gradient trains takes part in choosing
 * @param normalise    what decides whether weights are divided by their sum
 * @param groups       when tokens are limited to groups
 * @param sharedGate   whether the shared experts' output is gated
 * @param sharedSize   how wide the shared experts are
 */
record ExpertRules(ExpertNames names, Layers layers, Score score, boolean selection, Normalise normalise, Groups groups, boolean sharedGate, Shared sharedSize) {

    /** Which layers have experts. */
    enum Layers {
        /** All. */
        ALL,
        /** Every {@code decoder_sparse_step}-th, but those in {@code mlp_only_layers}. */
        SPARSE_STEP,
        /** From {@code first_k_dense_replace} on, every {@code moe_layer_freq}-th. */
        AFTER_FIRST
    }

    /** Division of the weights by their sum. */
    enum Normalise { NEVER, ALWAYS, KEY_OR_NOT, KEY_OR_YES }

    /** Group-limited choosing. */
    enum Groups {
        NEVER,
        /** When {@code topk_method} is {@code group_limited_greedy}; a group is worth its best. */
        BEST_BY_METHOD,
        /** By {@code n_group}; a group is worth its two best. */
        TWO_BEST
    }

    /** Width of the shared experts. */
    enum Shared {
        NONE,
        /** {@code shared_expert_intermediate_size}. */
        BY_SIZE,
        /** {@code n_shared_experts} times the width of an expert. */
        BY_NUMBER
    }

    ExpertRules {
        Objects.requireNonNull(names, "names");
    }

    static final ExpertRules QWEN2 = new ExpertRules(ExpertNames.QWEN, Layers.SPARSE_STEP, Score.SOFTMAX, false, Normalise.KEY_OR_NOT, Groups.NEVER, true,
            Shared.BY_SIZE);
    static final ExpertRules QWEN3 = new ExpertRules(ExpertNames.QWEN, Layers.SPARSE_STEP, Score.SOFTMAX, false, Normalise.KEY_OR_NOT, Groups.NEVER, false,
            Shared.NONE);
    static final ExpertRules MIXTRAL = new ExpertRules(ExpertNames.MIXTRAL, Layers.ALL, Score.SOFTMAX, false, Normalise.ALWAYS, Groups.NEVER, false,
            Shared.NONE);
    /** Transformers divides no weights of this family, whatever {@code norm_topk_prob} says; it is false in all published models. */
    static final ExpertRules DEEPSEEK2 = new ExpertRules(ExpertNames.DEEPSEEK, Layers.AFTER_FIRST, Score.SOFTMAX, false, Normalise.NEVER,
            Groups.BEST_BY_METHOD, false, Shared.BY_NUMBER);
    static final ExpertRules DEEPSEEK3 = new ExpertRules(ExpertNames.DEEPSEEK, Layers.AFTER_FIRST, Score.SIGMOID, true, Normalise.KEY_OR_YES, Groups.TWO_BEST,
            false, Shared.BY_NUMBER);
}
