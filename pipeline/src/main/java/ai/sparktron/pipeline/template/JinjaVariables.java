package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import ai.sparktron.pipeline.dataset.RowValues;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** A conversation as the variables that Hugging Face gives to a chat template. */
final class JinjaVariables implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final Pattern ASKS_FOR_NULL = Pattern.compile("content('\\]|\"\\])?\\s+is\\s+none");

    private final ModelTexts model;
    private final boolean nullForCalls;

    /** @param model its chat template tells whether a call without text has no content or an empty one */
    JinjaVariables(ModelTexts model) {
        this.model = model;
        this.nullForCalls = ASKS_FOR_NULL.matcher(model.chatTemplate()).find();
    }

    /** The messages as templates see them: calls inside assistant's messages, the row's system message or the run's first. */
    List<Map<String, Object>> messages(Conversation conversation, RenderOptions options) {
        List<Map<String, Object>> messages = new ArrayList<>();
        boolean system = conversation.messages().get(0).role() == Role.SYSTEM;
        if (!system && options.system() != null && !options.system().isEmpty()) {
            messages.add(entry("system", options.system()));
        }
        boolean inCalls = false;
        for (Message message : conversation.messages()) {
            if (message.role() == Role.TOOL_CALL) {
                addCall(message, messages, inCalls);
                inCalls = true;
                continue;
            }
            Map<String, Object> values = entry(message.role().name().toLowerCase(Locale.ROOT), message.content());
            values.putAll(message.extra());
            messages.add(values);
            inCalls = message.role() == Role.ASSISTANT;
        }
        return messages;
    }

    private static Map<String, Object> entry(String role, Object content) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("role", role);
        values.put("content", content);
        return values;
    }

    private void addCall(Message message, List<Map<String, Object>> messages, boolean toLast) {
        if (!toLast) {
            messages.add(entry("assistant", nullForCalls ? null : ""));
        }
        Map<String, Object> last = messages.get(messages.size() - 1);
        List<Object> calls = last.get("tool_calls") instanceof List<?> list ? new ArrayList<>(list) : new ArrayList<>();
        Object parsed = message.extra().get("content") instanceof Map<?, ?> map ? map : RowValues.parseJson(message.content(), "a tool_call message");
        for (Object call : parsed instanceof List<?> list ? list : List.of(parsed)) {
            Map<String, Object> wrapped = new LinkedHashMap<>();
            wrapped.put("type", "function");
            wrapped.put("function", call);
            calls.add(call instanceof Map<?, ?> map && map.containsKey("function") ? call : wrapped);
        }
        last.put("tool_calls", calls);
    }

    Map<String, Object> variables(Conversation conversation, List<Map<String, Object>> messages, boolean prompt, RenderOptions options) {
        Map<String, Object> variables = new LinkedHashMap<>(model.specialTokens());
        variables.put("messages", messages);
        variables.put("tools", conversation.tools());
        variables.put("documents", null);
        variables.put("add_generation_prompt", prompt);
        if (options.enableThinking() != null) {
            variables.put("enable_thinking", options.enableThinking());
        }
        if (conversation.extra().get("chat_template_kwargs") instanceof Map<?, ?> arguments) {
            arguments.forEach((name, value) -> variables.put(String.valueOf(name), value));
        }
        return variables;
    }
}
