package ai.sparktron.trainer.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Keys of a {@code config.json}; what is wrong with one is said with file, key and value.
 *
 * @param source where it is from, for messages
 * @param json   an object
 */
record JsonKeys(String source, JsonNode json) {

    /** Whether a key is there, and not null. */
    boolean has(String key) {
        return json.hasNonNull(key);
    }

    /** The first of several names of the same thing that is there. */
    Optional<String> first(String... keys) {
        return List.of(keys).stream().filter(this::has).findFirst();
    }

    int integer(String key) {
        JsonNode node = json.get(key);
        if (node == null || node.isNull()) {
            throw new IllegalArgumentException(source + ": key " + key + " is missing; expected a whole number");
        }
        if (!node.canConvertToInt() || !node.isIntegralNumber()) {
            throw new IllegalArgumentException(source + ": " + key + " " + node + ": expected a whole number");
        }
        return node.intValue();
    }

    int integer(String key, int absent) {
        return has(key) ? integer(key) : absent;
    }

    /** A key that must be there, if only as null. */
    int integerOrNull(String key, int ifNull) {
        return json.has(key) && json.get(key).isNull() ? ifNull : integer(key);
    }

    /** Whole numbers of an array, or the number itself; none where the key is absent. */
    List<Integer> integers(String key) {
        JsonNode node = json.path(key);
        List<Integer> values = new ArrayList<>();
        if (node.isInt()) {
            values.add(node.intValue());
        }
        for (JsonNode value : node) {
            if (!value.isInt()) {
                throw new IllegalArgumentException(source + ": " + key + " " + node + ": expected whole numbers");
            }
            values.add(value.intValue());
        }
        return values;
    }

    boolean flag(String key, boolean absent) {
        if (!has(key)) {
            return absent;
        }
        JsonNode node = json.get(key);
        if (!node.isBoolean()) {
            throw new IllegalArgumentException(source + ": " + key + " " + node + ": expected true or false");
        }
        return node.booleanValue();
    }

    double number(String key, double absent) {
        return number(json, key, absent);
    }

    String text(String key, String absent) {
        return has(key) ? json.get(key).asText() : absent;
    }

    static double number(JsonNode json, String key, double absent) {
        JsonNode node = json.get(key);
        if (node == null || node.isNull()) {
            return absent;
        }
        if (!node.isNumber()) {
            throw new IllegalArgumentException(key + " " + node + ": expected a number");
        }
        return node.doubleValue();
    }
}
