package ai.sparktron.trainer.model;

import java.util.Set;
import java.util.TreeSet;

/** The keys of a {@code config.json} about experts and latent attention. */
final class ExpertsReader {

    private static final String COUNT_KEYS = "num_experts, num_local_experts or n_routed_experts";

    private final JsonKeys keys;
    private final ExpertRules rules;

    private ExpertsReader(JsonKeys keys, ExpertRules rules) {
        this.keys = keys;
        this.rules = rules;
    }

    /** @param ffnSize {@code intermediate_size}, an expert's width where nothing else is said */
    static ExpertsConfig experts(JsonKeys keys, ExpertRules rules, int layers, int ffnSize) {
        return new ExpertsReader(keys, rules).experts(layers, ffnSize);
    }

    private ExpertsConfig experts(int layers, int ffnSize) {
        int count = keys.integer(keys.first("num_experts", "num_local_experts", "n_routed_experts").orElseThrow(() -> new IllegalArgumentException(keys.source()
                + ": none of " + COUNT_KEYS + " says how many experts a layer has")));
        int width = keys.integer("moe_intermediate_size", ffnSize);
        int shared = switch (rules.sharedSize()) {
            case NONE -> 0;
            case BY_SIZE -> keys.integer("shared_expert_intermediate_size", 0);
            case BY_NUMBER -> keys.integerOrNull("n_shared_experts", 0) * width;
        };
        return new ExpertsConfig(count, width, shared, rules.sharedGate() && shared > 0, denseLayers(layers), router());
    }

    private Set<Integer> denseLayers(int layers) {
        Set<Integer> dense = new TreeSet<>();
        for (int layer = 0; layer < layers; layer++) {
            boolean sparse = switch (rules.layers()) {
                case ALL -> true;
                case SPARSE_STEP -> (layer + 1) % Math.max(1, keys.integer("decoder_sparse_step", 1)) == 0 && !keys.integers("mlp_only_layers").contains(layer);
                case AFTER_FIRST -> layer >= keys.integer("first_k_dense_replace") && layer % frequency() == 0;
            };
            if (!sparse) {
                dense.add(layer);
            }
        }
        return dense;
    }

    private int frequency() {
        int frequency = keys.integer("moe_layer_freq", 1);
        if (frequency <= 0) {
            throw new IllegalArgumentException(keys.source() + ": moe_layer_freq " + frequency + ": expected > 0");
        }
        return frequency;
    }

    private RouterConfig router() {
        boolean normalise = switch (rules.normalise()) {
            case NEVER -> false;
            case ALWAYS -> true;
            case KEY_OR_NOT -> keys.flag("norm_topk_prob", false);
            case KEY_OR_YES -> keys.flag("norm_topk_prob", true);
        };
        int groups = switch (rules.groups()) {
            case NEVER -> 1;
            case BEST_BY_METHOD -> method().equals("group_limited_greedy") ? keys.integer("n_group") : 1;
            case TWO_BEST -> keys.integerOrNull("n_group", 1);
        };
        int best = rules.groups() == ExpertRules.Groups.TWO_BEST ? 2 : 1;
        return new RouterConfig(keys.integer("num_experts_per_tok"), rules.score(), rules.selection(), groups, groups == 1 ? 1 : keys.integer("topk_group"),
                best, normalise, keys.number("routed_scaling_factor", 1));
    }

    private String method() {
        String method = keys.text("topk_method", "greedy");
        if (!method.equals("greedy") && !method.equals("group_limited_greedy")) {
            throw new IllegalArgumentException(keys.source() + ": topk_method " + method + ": expected greedy or group_limited_greedy");
        }
        return method;
    }

    /** @param pairs {@code rope_interleave} where the key is absent */
    static LatentConfig latent(JsonKeys keys, boolean pairs) {
        return new LatentConfig(keys.integerOrNull("q_lora_rank", 0), keys.integer("kv_lora_rank"), keys.integer("qk_nope_head_dim"), keys.integer("qk_rope_head_dim"),
                keys.integer("v_head_dim"), keys.flag("rope_interleave", pairs));
    }
}
