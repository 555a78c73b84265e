package ai.sparktron.trainer.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;

/** Options of the model's shape, written over {@code config.json} under Hugging Face's names. */
public final class ConfigOverrides {

    private static final ObjectMapper JSON = new ObjectMapper();

    private ConfigOverrides() {
    }

    /**
     * The text of a {@code config.json} with the sizes that options give in the place of its own.
     *
     * @throws ConfigurationException when the text is no JSON object
     */
    public static String apply(Options options, String configJson) {
        ObjectNode config = object(configJson);
        decoder(options.architecture(), config);
        experts(options.moe(), config);
        latent(options.mla(), config);
        return config.toString();
    }

    private static void decoder(ArchitectureOptions options, ObjectNode config) {
        put(config, "num_hidden_layers", options.numLayers());
        put(config, "hidden_size", options.hiddenSize());
        put(config, "intermediate_size", options.ffnHiddenSize());
        put(config, "num_attention_heads", options.numAttentionHeads());
        put(config, "num_key_value_heads", options.numQueryGroups());
        put(config, "max_position_embeddings", options.maxPositionEmbeddings());
        put(config, "rms_norm_eps", options.normEpsilon());
        put(config, "tie_word_embeddings", options.untieEmbeddingsAndOutputWeights().map(untied -> !untied));
        put(config, "head_dim", options.kvChannels());
        put(config, "vocab_size", options.paddedVocabSize());
        options.mtpNumLayers().filter(layers -> config.path("num_nextn_predict_layers").asInt() == 0)
                .ifPresent(layers -> config.put("num_nextn_predict_layers", layers));
        rope(options, config);
    }

    /** Families have names of their own; where the file has none of them, it is no model with experts, which is said once the file is read. */
    private static void experts(MoeOptions options, ObjectNode config) {
        for (String count : List.of("num_experts", "num_local_experts", "n_routed_experts")) {
            replace(config, count, options.numExperts());
        }
        replace(config, "moe_intermediate_size", options.moeFfnHiddenSize());
        replace(config, "shared_expert_intermediate_size", options.moeSharedExpertIntermediateSize());
        int width = config.path("moe_intermediate_size").asInt();
        replace(config, "n_shared_experts", options.moeSharedExpertIntermediateSize().filter(size -> width > 0 && size % width == 0).map(size -> size / width));
        replace(config, "num_experts_per_tok", options.moeRouterTopk());
        replace(config, "routed_scaling_factor", options.moeRouterTopkScalingFactor());
        replace(config, "n_group", options.moeRouterNumGroups());
        replace(config, "topk_group", options.moeRouterGroupTopk());
    }

    private static void latent(MlaOptions options, ObjectNode config) {
        replace(config, "q_lora_rank", options.qLoraRank());
        replace(config, "kv_lora_rank", options.kvLoraRank());
        replace(config, "qk_nope_head_dim", options.qkHeadDim());
        replace(config, "qk_rope_head_dim", options.qkPosEmbHeadDim());
    }

    private static void replace(ObjectNode config, String key, Optional<?> value) {
        if (config.has(key)) {
            put(config, key, value);
        }
    }

    private static ObjectNode object(String configJson) {
        try {
            if (JSON.readTree(configJson) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw new ConfigurationException("config.json is not JSON: " + e.getOriginalMessage());
        }
        throw new ConfigurationException("config.json: an object is expected");
    }

    private static void put(ObjectNode config, String key, Optional<?> value) {
        value.ifPresent(given -> config.set(key, JSON.valueToTree(given)));
    }

    /** Newer files nest base and scaling in {@code rope_parameters}; what is given goes where the file has it. */
    private static void rope(ArchitectureOptions options, ObjectNode config) {
        boolean nested = config.path("rope_parameters").isObject();
        options.ropeScaling().ifPresent(text -> {
            JsonNode scaling = scaling(text);
            if (nested) {
                JsonNode base = config.path("rope_parameters").path("rope_theta");
                ObjectNode parameters = scaling.isObject() ? scaling.deepCopy() : JSON.createObjectNode().put("rope_type", "default");
                if (!base.isMissingNode() && !parameters.has("rope_theta")) {
                    parameters.set("rope_theta", base);
                }
                config.set("rope_parameters", parameters);
            } else {
                config.set("rope_scaling", scaling);
            }
        });
        options.rotaryBase().ifPresent(base -> (nested ? (ObjectNode) config.get("rope_parameters") : config).put("rope_theta", base));
    }

    private static JsonNode scaling(String text) {
        JsonNode scaling;
        try {
            scaling = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new ConfigurationException("--rope_scaling " + text + ": JSON is expected: " + e.getOriginalMessage());
        }
        return scaling.isNumber() ? JSON.createObjectNode().put("rope_type", "linear").put("factor", scaling.doubleValue()) : scaling;
    }
}
