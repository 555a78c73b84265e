package ai.sparktron.pipeline.dataset;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Puts a model's name and author into the rows of a self-cognition dataset: {@code {{NAME}}} and {@code {{AUTHOR}}} in every text of the row.
 * Rows whose {@code tag} is {@code zh} take the Chinese value, all others the English one; no row is dropped.
 */
public final class SelfCognition {

    private final Words name;
    private final Words author;

    private record Words(String chinese, String english) {
        static Words of(List<String> values, String option) {
            Objects.requireNonNull(values, option);
            if (values.isEmpty() || values.size() > 2) {
                throw new IllegalArgumentException(option + " has " + values.size() + " values " + values
                        + ": expected one for both languages, or two, Chinese first, for example --" + option + " 小火花 Sparky");
            }
            return new Words(values.get(0), values.get(values.size() - 1));
        }
    }

    /**
     * @param modelName   {@code model_name}: one value, or the Chinese and the English one
     * @param modelAuthor {@code model_author}: likewise
     */
    public SelfCognition(List<String> modelName, List<String> modelAuthor) {
        this.name = Words.of(modelName, "model_name");
        this.author = Words.of(modelAuthor, "model_author");
    }

    /** Whether any text of the row holds a placeholder. */
    public static boolean hasPlaceholders(Object value) {
        if (value instanceof String text) {
            return text.contains("{{NAME}}") || text.contains("{{AUTHOR}}");
        }
        if (value instanceof Map<?, ?> map) {
            return map.values().stream().anyMatch(SelfCognition::hasPlaceholders);
        }
        return value instanceof List<?> list && list.stream().anyMatch(SelfCognition::hasPlaceholders);
    }

    /** A copy of the row with the placeholders replaced; the row itself is not changed. */
    public Map<String, Object> apply(Map<String, ?> row) {
        boolean chinese = "zh".equals(row.get("tag"));
        Map<String, Object> result = new LinkedHashMap<>();
        row.forEach((column, value) -> result.put(column, replace(value, chinese)));
        return result;
    }

    private Object replace(Object value, boolean chinese) {
        if (value instanceof String text) {
            return text.replace("{{NAME}}", chinese ? name.chinese() : name.english())
                    .replace("{{AUTHOR}}", chinese ? author.chinese() : author.english());
        }
        if (value instanceof Map<?, ?> map) {
            Map<Object, Object> copy = new LinkedHashMap<>();
            map.forEach((key, item) -> copy.put(key, replace(item, chinese)));
            return copy;
        }
        if (value instanceof List<?> list) {
            List<Object> copy = new ArrayList<>(list.size());
            list.forEach(item -> copy.add(replace(item, chinese)));
            return copy;
        }
        return value;
    }
}
