package ai.sparktron.trainer.model;

import java.util.List;
import java.util.Objects;

/**
 * What distinguishes one family of models from another, and what its configuration class assumes where {@code config.json} is silent.
 *
 * @param name               for people
 * @param architecture       {@code architectures[0]}
 * @param modelType          {@code model_type}
 * @param attentionBias      biases of the query, key, value and output projections
 * @param queryKeyNorm       RMSNorm of each query and key head before rope
 * @param mlpBiasKey         whether {@code mlp_bias} is read; otherwise the feed-forward has no bias
 * @param slidingWindow      how {@code sliding_window} is to be read
 * @param absent             values of absent keys
 * @param experts            how the keys of its experts are read; null = a dense family
 * @param latent             whether attention is latent
 */
public record Family(String name, String architecture, String modelType, AttentionBias attentionBias, boolean queryKeyNorm, boolean mlpBiasKey,
                     SlidingWindow slidingWindow, Absent absent, ExpertRules experts, Latent latent) {

    /** {@code architectures[0]} of its models with a head that gives one number. */
    public String scoringArchitecture() {
        return architecture.replace("ForCausalLM", "ForSequenceClassification");
    }

    /** Which attention projections have biases. */
    public enum AttentionBias {
        /** None. */
        NEVER,
        /** Query, key and value always, output never. */
        QUERY_KEY_VALUE,
        /** Query, key and value unless {@code qkv_bias} is false, output never. */
        QUERY_KEY_VALUE_BY_KEY,
        /** All when {@code attention_bias} is true; of latent attention, all that read or write the stream but a query projection that is not narrow. */
        ALL_BY_KEY
    }

    /** How a family reads {@code sliding_window}. */
    public enum SlidingWindow {
        /** Not a key of this family. */
        NEVER,
        /** On layers from {@code max_window_layers} (or those of {@code layer_types}) when {@code use_sliding_window} is true. */
        WHEN_USED,
        /** On some layers or all when {@code use_sliding_window} is true. */
        ALL_WHEN_USED,
        /** On all layers unless null; 4096 when absent. */
        UNLESS_NULL,
        /** On all layers if there is one. */
        IF_GIVEN
    }

    /** Latent attention. */
    public enum Latent {
        NEVER,
        /** Rope turns neighbours, unless {@code rope_interleave} is there and false. */
        PAIRS_OR_BY_KEY
    }

    /**
     * What absent keys mean.
     *
     * @param kvHeads      {@code num_key_value_heads}; 0 = as many as query heads
     * @param headSize     {@code head_dim}; 0 = hidden_size / num_attention_heads
     * @param maxPositions {@code max_position_embeddings}
     * @param theta        {@code rope_theta}
     */
    public record Absent(int kvHeads, int headSize, int maxPositions, double theta) {
        private static Absent of(int kvHeads, int headSize, int maxPositions) {
            return new Absent(kvHeads, headSize, maxPositions, 10_000);
        }
    }

    private static Family dense(String name, String architecture, String modelType, AttentionBias attentionBias, boolean queryKeyNorm, boolean mlpBiasKey,
                                SlidingWindow slidingWindow, Absent absent) {
        return new Family(name, architecture, modelType, attentionBias, queryKeyNorm, mlpBiasKey, slidingWindow, absent, null, Latent.NEVER);
    }

    /** The families. */
    public static final List<Family> ALL = List.of(
            dense("Qwen2 / Qwen2.5", "Qwen2ForCausalLM", "qwen2", AttentionBias.QUERY_KEY_VALUE, false, false, SlidingWindow.WHEN_USED, Absent.of(32, 0, 32768)),
            dense("Qwen3", "Qwen3ForCausalLM", "qwen3", AttentionBias.ALL_BY_KEY, true, false, SlidingWindow.WHEN_USED, Absent.of(32, 128, 32768)),
            dense("Llama 3.x", "LlamaForCausalLM", "llama", AttentionBias.ALL_BY_KEY, false, true, SlidingWindow.NEVER, Absent.of(0, 0, 2048)),
            dense("Mistral", "MistralForCausalLM", "mistral", AttentionBias.NEVER, false, false, SlidingWindow.UNLESS_NULL, Absent.of(8, 0, 131072)),
            new Family("Qwen1.5-MoE / Qwen2-MoE", "Qwen2MoeForCausalLM", "qwen2_moe", AttentionBias.QUERY_KEY_VALUE_BY_KEY, false, false,
                    SlidingWindow.ALL_WHEN_USED, Absent.of(16, 0, 32768), ExpertRules.QWEN2, Latent.NEVER),
            new Family("Qwen3-MoE", "Qwen3MoeForCausalLM", "qwen3_moe", AttentionBias.ALL_BY_KEY, true, false, SlidingWindow.ALL_WHEN_USED,
                    Absent.of(4, 0, 32768), ExpertRules.QWEN3, Latent.NEVER),
            new Family("Mixtral", "MixtralForCausalLM", "mixtral", AttentionBias.NEVER, false, false, SlidingWindow.IF_GIVEN,
                    new Absent(8, 0, 131072, 1e6), ExpertRules.MIXTRAL, Latent.NEVER),
            new Family("DeepSeek-V2", "DeepseekV2ForCausalLM", "deepseek_v2", AttentionBias.ALL_BY_KEY, false, false, SlidingWindow.NEVER,
                    Absent.of(0, 0, 2048), ExpertRules.DEEPSEEK2, Latent.PAIRS_OR_BY_KEY),
            new Family("DeepSeek-V3 / R1", "DeepseekV3ForCausalLM", "deepseek_v3", AttentionBias.ALL_BY_KEY, false, false, SlidingWindow.NEVER,
                    Absent.of(0, 0, 4096), ExpertRules.DEEPSEEK3, Latent.PAIRS_OR_BY_KEY));

    public Family {
        Objects.requireNonNull(architecture, "architecture");
        Objects.requireNonNull(modelType, "modelType");
    }

    /** Name of an expert's gate projection in files. */
    public String expertGate() {
        return experts.names().gate();
    }

    /** Name of an expert's down projection in files. */
    public String expertDown() {
        return experts.names().down();
    }

    /** "Qwen3 (Qwen3ForCausalLM), ..." for error messages. */
    public static String listing() {
        return String.join(", ", ALL.stream().map(family -> family.name() + " (" + family.architecture() + ")").toList());
    }
}
