package ai.sparktron.pipeline.dataset;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One dataset row in its common form: what every row form is turned into and every template reads.
 *
 * @param messages         the turns, a system turn first if there is one; pre-training text is one assistant turn after an empty user turn
 * @param rejectedMessages for preference rows the same turns with the rejected answer, otherwise null
 * @param tools            tool definitions as parsed JSON (list of objects), or null where there are none; not empty
 * @param label            the row's {@code label} (KTO), or null
 * @param extra            other standard columns as parsed JSON ({@code channel}, {@code chat_template_kwargs} ...)
 */
public record Conversation(List<Message> messages, List<Message> rejectedMessages, List<Object> tools, Boolean label,
                           Map<String, Object> extra) {

    public Conversation {
        messages = List.copyOf(Objects.requireNonNull(messages, "messages"));
        rejectedMessages = rejectedMessages == null ? null : List.copyOf(rejectedMessages);
        extra = Collections.unmodifiableMap(new LinkedHashMap<>(extra));
    }

    public Conversation(List<Message> messages) {
        this(messages, null, null, null, Map.of());
    }

    /** The rejected side of a preference row as a conversation of its own. */
    public Conversation rejected() {
        return new Conversation(Objects.requireNonNull(rejectedMessages, "rejectedMessages"), null, tools, label, extra);
    }
}
