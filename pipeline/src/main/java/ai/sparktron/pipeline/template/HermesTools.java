package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import ai.sparktron.pipeline.dataset.RowValues;
import ai.sparktron.pipeline.template.jinja.PythonJson;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Tools, calls and results in the form that Qwen2.5 and Qwen3 were trained on. */
final class HermesTools {

    private static final String BEFORE_TOOLS = "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
            + "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";
    private static final String AFTER_TOOLS = "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
            + "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";

    private HermesTools() {
    }

    /** The system message with the tools' definitions behind it. @param system null = none */
    static String system(String system, List<Object> tools) {
        StringBuilder out = new StringBuilder(system == null ? "" : system + "\n\n").append(BEFORE_TOOLS);
        tools.forEach(tool -> out.append('\n').append(PythonJson.dump(tool)));
        return out.append(AFTER_TOOLS).toString();
    }

    /** The blocks of the calls that an assistant's message carries: its {@code tool_calls}, or itself if it is a call. */
    static List<String> calls(Message message) {
        List<String> blocks = new ArrayList<>();
        if (message.role() == Role.TOOL_CALL) {
            Object parsed = message.extra().get("content") instanceof Map<?, ?> map ? map
                    : RowValues.parseJson(message.content(), "a tool_call message");
            for (Object call : parsed instanceof List<?> list ? list : List.of(parsed)) {
                blocks.add(block(call));
            }
        } else if (message.extra().get("tool_calls") instanceof List<?> calls) {
            calls.forEach(call -> blocks.add(block(call)));
        }
        return blocks;
    }

    private static String block(Object call) {
        Object function = call instanceof Map<?, ?> map && map.get("function") instanceof Map<?, ?> inner ? inner : call;
        if (!(function instanceof Map<?, ?> map) || !(map.get("name") instanceof String name)) {
            throw new BadRowException(Reason.WRONG_TYPE, "a tool call is " + PythonJson.dump(call) + ": expected an object with name and arguments");
        }
        Object arguments = map.get("arguments");
        return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": " + (arguments instanceof String text ? text
                : PythonJson.dump(arguments == null ? Map.of() : arguments)) + "}\n</tool_call>";
    }

    /** A run of tool results as the text of one user's turn. */
    static String results(List<Message> results) {
        StringBuilder out = new StringBuilder();
        for (Message result : results) {
            out.append(out.isEmpty() ? "" : "\n").append("<tool_response>\n").append(result.content()).append("\n</tool_response>");
        }
        return out.toString();
    }
}
