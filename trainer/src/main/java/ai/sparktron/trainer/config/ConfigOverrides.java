package ai.sparktron.trainer.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;

/** Options of the model's shape, written over {@code config.json} under Hugging Face's names. */
final class ConfigOverrides {

    private static final ObjectMapper JSON = new ObjectMapper();

    private ConfigOverrides() {
    }

    static String apply(ArchitectureOptions options, String configJson) {
        ObjectNode config = object(configJson);
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
        rope(options, config);
        return config.toString();
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
