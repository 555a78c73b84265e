package ai.sparktron.pipeline.dataset;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import ai.sparktron.pipeline.template.jinja.PythonJson;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reads a {@code messages} column: a list of {@code {role, content}} (or {@code {from, value}}) objects, or of sharegpt pairs such as
 * {@code {human, assistant}}, or the JSON text of either.
 */
final class MessageReader {

    private static final Map<String, Role> ROLES = Map.ofEntries(
            Map.entry("system", Role.SYSTEM),
            Map.entry("user", Role.USER), Map.entry("human", Role.USER),
            Map.entry("assistant", Role.ASSISTANT), Map.entry("gpt", Role.ASSISTANT), Map.entry("bot", Role.ASSISTANT),
            Map.entry("tool_call", Role.TOOL_CALL), Map.entry("function_call", Role.TOOL_CALL),
            Map.entry("tool", Role.TOOL), Map.entry("observation", Role.TOOL), Map.entry("tool_response", Role.TOOL));
    private static final String KNOWN_ROLES = "system, user (human), assistant (gpt, bot), tool_call (function_call), tool (observation, "
            + "tool_response)";
    private static final List<String> WEIGHTS = List.of("loss", "loss_scale");
    private static final List<String> PAIR_USERS = List.of("user", "human");
    private static final List<String> PAIR_ASSISTANTS = List.of("assistant", "gpt", "bot");

    private MessageReader() {
    }

    /**
     * @param column the column's name, for errors
     * @return the turns in order, roles resolved; not empty
     */
    static List<Message> read(Object value, String column) {
        Object parsed = value instanceof String text ? RowValues.parseJson(text, column) : value;
        if (!(parsed instanceof List<?> list)) {
            throw new BadRowException(Reason.WRONG_TYPE, column + " is " + RowValues.typeOf(parsed) + " " + RowValues.shorten(parsed)
                    + ": expected a list of {role, content} objects");
        }
        if (list.isEmpty()) {
            throw new BadRowException(Reason.EMPTY, column + " is an empty list: expected at least one message");
        }
        List<Message> messages = new ArrayList<>(list.size());
        for (int i = 0; i < list.size(); i++) {
            String where = column + "[" + i + "]";
            Object item = list.get(i) instanceof String text ? RowValues.parseJson(text, where) : list.get(i);
            if (!(item instanceof Map<?, ?> map)) {
                throw new BadRowException(Reason.WRONG_TYPE, where + " is " + RowValues.typeOf(item) + " " + RowValues.shorten(item)
                        + ": expected an object with role and content");
            }
            addMessages(map, where, messages);
        }
        return messages;
    }

    private static void addMessages(Map<?, ?> map, String where, List<Message> messages) {
        if (map.containsKey("role") || map.containsKey("from")) {
            messages.add(message(map, where));
            return;
        }
        String user = firstKey(map, PAIR_USERS);
        String assistant = firstKey(map, PAIR_ASSISTANTS);
        if (user == null && assistant == null) {
            throw new BadRowException(Reason.UNKNOWN_ROLE, where + " has keys " + map.keySet()
                    + ": expected role and content (or from and value), or a pair such as {human, assistant}");
        }
        Float loss = loss(map, where);
        if (user != null) {
            messages.add(new Message(Role.USER, text(map.get(user), where + "." + user), null, Map.of()));
        }
        if (assistant != null) {
            messages.add(new Message(Role.ASSISTANT, text(map.get(assistant), where + "." + assistant), loss, Map.of()));
        }
    }

    private static String firstKey(Map<?, ?> map, List<String> keys) {
        return keys.stream().filter(map::containsKey).findFirst().orElse(null);
    }

    private static Message message(Map<?, ?> map, String where) {
        String roleKey = map.get("role") != null ? "role" : "from";
        Object spelled = map.get(roleKey);
        Role role = spelled instanceof String text ? ROLES.get(text.toLowerCase(Locale.ROOT)) : null;
        if (role == null) {
            throw new BadRowException(Reason.UNKNOWN_ROLE, where + "." + roleKey + " is " + RowValues.shorten(spelled) + ": expected one of "
                    + KNOWN_ROLES);
        }
        String contentKey = map.containsKey("content") || !map.containsKey("value") ? "content" : "value";
        Object content = map.get(contentKey);
        Map<String, Object> extra = new LinkedHashMap<>();
        map.forEach((key, item) -> {
            if (!key.equals(roleKey) && !key.equals(contentKey) && !WEIGHTS.contains(key) && item != null) {
                extra.put(String.valueOf(key), RowValues.normalize(item));
            }
        });
        if (extra.get("tool_calls") instanceof String calls) {
            extra.put("tool_calls", RowValues.parseJson(calls, where + ".tool_calls"));
        }
        if (content == null) {
            if (role != Role.ASSISTANT || !extra.containsKey("tool_calls")) {
                throw new BadRowException(Reason.MISSING_FIELD, where + "." + contentKey + " is "
                        + (map.containsKey(contentKey) ? "null" : "absent") + ": expected text (only an assistant turn with tool_calls may have"
                        + " none)");
            }
            extra.put("content", null);
        } else if (content instanceof List<?>) {
            extra.put("content", RowValues.normalize(content));
        }
        String text = content == null ? "" : role == Role.TOOL_CALL && content instanceof Map ? PythonJson.dump(content)
                : text(content, where + "." + contentKey);
        return new Message(role, text, loss(map, where), extra);
    }

    /** Text, or a list of text parts as OpenAI's chat format has them, joined. */
    private static String text(Object content, String where) {
        if (content instanceof String text) {
            return text;
        }
        if (content instanceof List<?> parts) {
            StringBuilder joined = new StringBuilder();
            for (Object part : parts) {
                joined.append(part(part, where));
            }
            return joined.toString();
        }
        if (content == null) {
            throw new BadRowException(Reason.MISSING_FIELD, where + " is null: expected text");
        }
        throw new BadRowException(Reason.WRONG_TYPE, where + " is " + RowValues.typeOf(content) + " " + RowValues.shorten(content)
                + ": expected text");
    }

    private static String part(Object part, String where) {
        if (part instanceof String text) {
            return text;
        }
        if (part instanceof Map<?, ?> map && (map.get("type") == null || "text".equals(map.get("type"))) && map.get("text") instanceof String text) {
            return text;
        }
        Object type = part instanceof Map<?, ?> map ? map.get("type") : RowValues.typeOf(part);
        throw new BadRowException(Reason.UNSUPPORTED_CONTENT, where + " holds a part of type " + RowValues.shorten(type)
                + ": only text can be trained on; remove the part or the row");
    }

    /** {@code loss} says whether a message is trained and perhaps how much, {@code loss_scale} how much. */
    private static Float loss(Map<?, ?> map, String where) {
        Float loss = weight(map.get("loss"), where + ".loss");
        Float scale = weight(map.get("loss_scale"), where + ".loss_scale");
        return scale == null || loss != null && loss == 0 ? loss : scale;
    }

    private static Float weight(Object value, String where) {
        if (value == null) {
            return null;
        }
        if (value instanceof Boolean flag) {
            return flag ? 1f : 0f;
        }
        if (value instanceof Number number && number.floatValue() >= 0 && Float.isFinite(number.floatValue())) {
            return number.floatValue();
        }
        throw new BadRowException(Reason.WRONG_TYPE, where + " is " + RowValues.shorten(value)
                + ": expected true, false, or a weight of at least 0");
    }
}
