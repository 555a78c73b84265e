package ai.sparktron.trainer.model;

import java.util.List;
import java.util.Objects;

/**
 * What distinguishes one family of dense models from another, and what its configuration class assumes where {@code config.json} is silent.
 *
 * @param name               for people
 * @param architecture       {@code architectures[0]}
 * @param modelType          {@code model_type}
 * @param attentionBias      biases of the query, key, value and output projections
 * @param queryKeyNorm       RMSNorm of each query and key head before rope
 * @param mlpBiasKey         whether {@code mlp_bias} is read; otherwise the feed-forward has no bias
 * @param slidingWindow      how {@code sliding_window} is to be read
 * @param defaultKvHeads     {@code num_key_value_heads} when the key is absent; 0 = as many as query heads
 * @param defaultHeadSize    {@code head_dim} when absent; 0 = hidden_size / num_attention_heads
 * @param defaultMaxPositions {@code max_position_embeddings} when absent
 */
public record Family(String name, String architecture, String modelType, AttentionBias attentionBias, boolean queryKeyNorm, boolean mlpBiasKey,
                     SlidingWindow slidingWindow, int defaultKvHeads, int defaultHeadSize, int defaultMaxPositions) {

    /** Which attention projections have biases. */
    public enum AttentionBias {
        /** None. */
        NEVER,
        /** Query, key and value always, output never. */
        QUERY_KEY_VALUE,
        /** All four when {@code attention_bias} is true. */
        ALL_BY_KEY
    }

    /** How a family reads {@code sliding_window}. */
    public enum SlidingWindow {
        /** Not a key of this family. */
        NEVER,
        /** On layers from {@code max_window_layers} (or those of {@code layer_types}) when {@code use_sliding_window} is true. */
        WHEN_USED,
        /** On all layers unless null; 4096 when absent. */
        UNLESS_NULL
    }

    /** The dense families. */
    public static final List<Family> ALL = List.of(
            new Family("Qwen2 / Qwen2.5", "Qwen2ForCausalLM", "qwen2", AttentionBias.QUERY_KEY_VALUE, false, false, SlidingWindow.WHEN_USED, 32, 0, 32768),
            new Family("Qwen3", "Qwen3ForCausalLM", "qwen3", AttentionBias.ALL_BY_KEY, true, false, SlidingWindow.WHEN_USED, 32, 128, 32768),
            new Family("Llama 3.x", "LlamaForCausalLM", "llama", AttentionBias.ALL_BY_KEY, false, true, SlidingWindow.NEVER, 0, 0, 2048),
            new Family("Mistral", "MistralForCausalLM", "mistral", AttentionBias.NEVER, false, false, SlidingWindow.UNLESS_NULL, 8, 0, 131072));

    /** Families that are known but cannot be trained yet: mixture of experts and latent attention. */
    static final List<String> NOT_YET = List.of("Qwen2MoeForCausalLM", "Qwen3MoeForCausalLM", "DeepseekForCausalLM", "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM",
            "MixtralForCausalLM", "qwen2_moe", "qwen3_moe", "deepseek", "deepseek_v2", "deepseek_v3", "mixtral");

    public Family {
        Objects.requireNonNull(architecture, "architecture");
        Objects.requireNonNull(modelType, "modelType");
    }

    /** "Qwen3 (Qwen3ForCausalLM), ..." for error messages. */
    public static String listing() {
        return String.join(", ", ALL.stream().map(family -> family.name() + " (" + family.architecture() + ")").toList());
    }
}
