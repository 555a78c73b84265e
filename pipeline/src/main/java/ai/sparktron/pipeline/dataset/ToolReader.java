package ai.sparktron.pipeline.dataset;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the {@code tools} column: a list of tool definitions, its JSON text, or a list of JSON texts. */
final class ToolReader {

    private ToolReader() {
    }

    /** @return definitions as parsed JSON objects, or null where the row has none */
    static List<Object> read(Object column) {
        Object parsed = column instanceof String text ? text.isBlank() ? null : RowValues.parseJson(text, "tools") : column;
        if (parsed == null || parsed instanceof List<?> empty && empty.isEmpty()) {
            return null;
        }
        List<?> list = parsed instanceof Map ? List.of(parsed) : parsed instanceof List<?> items ? items : null;
        if (list == null) {
            throw new BadRowException(Reason.WRONG_TYPE, "tools is " + RowValues.typeOf(parsed) + " " + RowValues.shorten(parsed)
                    + ": expected a list of tool definitions");
        }
        List<Object> tools = new ArrayList<>(list.size());
        for (int i = 0; i < list.size(); i++) {
            Object tool = list.get(i) instanceof String text ? RowValues.parseJson(text, "tools[" + i + "]") : list.get(i);
            if (!(tool instanceof Map<?, ?> definition)) {
                throw new BadRowException(Reason.WRONG_TYPE, "tools[" + i + "] is " + RowValues.typeOf(tool) + " " + RowValues.shorten(tool)
                        + ": expected an object with name, description and parameters");
            }
            tools.add(wrapped(definition));
        }
        return tools;
    }

    /** A bare function definition gets the {@code {type: function, function: ...}} wrapper that chat templates expect. */
    private static Object wrapped(Map<?, ?> definition) {
        if (definition.containsKey("type") && definition.containsKey("function") || !definition.containsKey("name")) {
            return definition;
        }
        Map<String, Object> tool = new LinkedHashMap<>();
        tool.put("type", "function");
        tool.put("function", definition);
        return tool;
    }
}
