package ai.sparktron.trainer.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/** The rotary keys of a {@code config.json}, in either spelling. */
final class RopeReader {

    private final String source;
    private final JsonNode json;
    private final int maxPositions;
    private final double defaultTheta;

    /** @param defaultTheta base where neither spelling has one */
    RopeReader(String source, JsonNode json, int maxPositions, double defaultTheta) {
        this.source = source;
        this.json = json;
        this.maxPositions = maxPositions;
        this.defaultTheta = defaultTheta;
    }

    RopeConfig rope() {
        JsonNode scaling = scaling();
        double theta = JsonKeys.number(scaling, "rope_theta", JsonKeys.number(json, "rope_theta", defaultTheta));
        double partial = JsonKeys.number(scaling, "partial_rotary_factor", JsonKeys.number(json, "partial_rotary_factor", 1));
        if (partial != 1) {
            throw new IllegalArgumentException(source + ": partial_rotary_factor " + partial + ": this family rotates whole heads");
        }
        RopeConfig.Kind kind = kind(scaling);
        if (kind == RopeConfig.Kind.DEFAULT) {
            return RopeConfig.plain(theta, maxPositions);
        }
        int original = original(kind, scaling);
        return new RopeConfig(kind, theta, factor(kind, scaling, original), original, maxPositions,
                JsonKeys.number(scaling, "low_freq_factor", 1), JsonKeys.number(scaling, "high_freq_factor", 4),
                JsonKeys.number(scaling, "attention_factor", Double.NaN), JsonKeys.number(scaling, "mscale", 0),
                JsonKeys.number(scaling, "mscale_all_dim", 0), orDefault(JsonKeys.number(scaling, "beta_fast", 0), 32),
                orDefault(JsonKeys.number(scaling, "beta_slow", 0), 1), scaling.path("truncate").asBoolean(true), floats(scaling, "short_factor"),
                floats(scaling, "long_factor"));
    }

    /** {@code rope_scaling} wins over {@code rope_parameters}, as in transformers; a bare number means linear. */
    private JsonNode scaling() {
        JsonNode scaling = json.path("rope_scaling");
        if (scaling.isNumber()) {
            return linear(scaling.doubleValue());
        }
        if (!scaling.isObject() || scaling.isEmpty()) {
            scaling = json.path("rope_parameters");
        }
        JsonNode full = scaling.path("full_attention");
        return full.isObject() ? full : scaling;
    }

    private ObjectNode linear(double factor) {
        ObjectNode node = new com.fasterxml.jackson.databind.ObjectMapper().createObjectNode();
        return node.put("rope_type", "linear").put("factor", factor);
    }

    private RopeConfig.Kind kind(JsonNode scaling) {
        String name = scaling.path("rope_type").asText(scaling.path("type").asText("default"));
        return switch (name) {
            case "default" -> RopeConfig.Kind.DEFAULT;
            case "linear" -> RopeConfig.Kind.LINEAR;
            case "dynamic" -> RopeConfig.Kind.DYNAMIC;
            case "llama3" -> RopeConfig.Kind.LLAMA3;
            case "yarn" -> RopeConfig.Kind.YARN;
            case "longrope" -> RopeConfig.Kind.LONGROPE;
            default -> throw new IllegalArgumentException(source + ": rope_type " + name
                    + ": expected default, linear, dynamic, llama3, yarn or longrope");
        };
    }

    private int original(RopeConfig.Kind kind, JsonNode scaling) {
        if (kind == RopeConfig.Kind.LINEAR || kind == RopeConfig.Kind.DYNAMIC) {
            return maxPositions;
        }
        double nested = JsonKeys.number(scaling, "original_max_position_embeddings", maxPositions);
        return (int) JsonKeys.number(json, "original_max_position_embeddings", nested);
    }

    private double factor(RopeConfig.Kind kind, JsonNode scaling, int original) {
        double absent = switch (kind) {
            case YARN, LONGROPE -> (double) maxPositions / original;
            case DEFAULT, LINEAR, DYNAMIC, LLAMA3 -> Double.NaN;
        };
        double factor = JsonKeys.number(scaling, "factor", absent);
        if (!(factor > 0)) {
            throw new IllegalArgumentException(source + ": rope scaling " + kind.name().toLowerCase(java.util.Locale.ROOT) + " has factor "
                    + scaling.get("factor") + ": expected a number > 0");
        }
        return factor;
    }

    private static double orDefault(double value, double absent) {
        return value == 0 ? absent : value;
    }

    private static List<Float> floats(JsonNode scaling, String key) {
        List<Float> values = new ArrayList<>();
        scaling.path(key).forEach(value -> values.add((float) value.doubleValue()));
        return values;
    }
}
