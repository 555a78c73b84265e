package ai.sparktron.pipeline.dataset;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Turns a row of any {@link RowForm} into a {@link Conversation}: column names are taken without regard to case, renamed by {@code columns}, and
 * where several columns could serve, the first in the form's list of aliases does. Immutable; shared by threads.
 */
public final class ConversationReader {

    private static final List<String> MEDIA = List.of("images", "videos", "audios", "rejected_images");
    /** Standard columns that travel with the conversation as they are. */
    private static final List<String> KEPT = List.of("channel", "objects", "margin");

    private final ReadOptions options;

    public ConversationReader(ReadOptions options) {
        this.options = options;
    }

    /**
     * Reads one row.
     *
     * @param row column name to parsed JSON or {@link RowValues#normalize normalizable} value; null values count as absent
     */
    public RowResult read(Map<String, ?> row) {
        try {
            Map<String, Object> columns = columnsOf(row);
            rejectMedia(columns);
            RowForm form = RowForm.detect(present(columns));
            return new RowResult.Accepted(conversation(form, columns), form);
        } catch (BadRowException e) {
            return e.badRow();
        }
    }

    private Map<String, Object> columnsOf(Map<String, ?> row) {
        Map<String, Object> columns = new LinkedHashMap<>();
        row.forEach((name, value) -> {
            if (!options.columns().containsKey(name)) {
                columns.put(name.toLowerCase(Locale.ROOT), RowValues.normalize(value));
            }
        });
        options.columns().forEach((name, target) -> {
            if (row.containsKey(name)) {
                columns.put(target.toLowerCase(Locale.ROOT), RowValues.normalize(row.get(name)));
            }
        });
        return columns;
    }

    private static Set<String> present(Map<String, Object> columns) {
        Set<String> present = new TreeSet<>();
        columns.forEach((name, value) -> {
            if (value != null) {
                present.add(name);
            }
        });
        return present;
    }

    private static void rejectMedia(Map<String, Object> columns) {
        for (String name : MEDIA) {
            Object value = columns.get(name);
            boolean empty = value == null || "".equals(value) || "[]".equals(value) || value instanceof List<?> list && list.isEmpty();
            if (!empty) {
                throw new BadRowException(Reason.UNSUPPORTED_CONTENT, "column " + name + " is " + RowValues.shorten(value)
                        + ": only text can be trained on; remove the column's value or the row");
            }
        }
    }

    private Conversation conversation(RowForm form, Map<String, Object> columns) {
        List<Message> messages = switch (form) {
            case MESSAGES -> fromMessages(columns);
            case ALPACA -> fromAlpaca(columns);
            case QUERY_RESPONSE, TEXT -> fromQuery(columns);
        };
        if (messages.get(0).role() == Role.ASSISTANT) {
            messages.add(0, new Message(Role.USER, ""));
        }
        checkAnswer(messages);
        Map<String, Object> extra = new LinkedHashMap<>();
        for (String name : KEPT) {
            if (columns.get(name) != null) {
                extra.put(name, columns.get(name) instanceof String text && name.equals("objects") ? RowValues.parseJson(text, name)
                        : columns.get(name));
            }
        }
        Object templateArguments = columns.get("chat_template_kwargs");
        if (templateArguments != null) {
            extra.put("chat_template_kwargs", object(templateArguments, "chat_template_kwargs"));
        }
        return new Conversation(messages, rejected(columns, messages), ToolReader.read(columns.get("tools")), label(columns.get("label")), extra);
    }

    private List<Message> fromMessages(Map<String, Object> columns) {
        String name = RowForm.MESSAGES_KEYS.stream().filter(key -> columns.get(key) != null).findFirst().orElseThrow();
        List<Message> messages = new ArrayList<>(MessageReader.read(columns.get(name), name));
        addSystem(columns, messages);
        return messages;
    }

    private List<Message> fromAlpaca(Map<String, Object> columns) {
        String instruction = text(columns, "instruction");
        String input = text(columns, "input");
        String query = instruction.isEmpty() ? input : input.isEmpty() ? instruction : instruction + "\n" + input;
        Map<String, Object> asQuery = new LinkedHashMap<>(columns);
        asQuery.remove("instruction");
        asQuery.remove("input");
        asQuery.put("query", query);
        return fromQuery(asQuery);
    }

    private List<Message> fromQuery(Map<String, Object> columns) {
        List<Message> messages = new ArrayList<>();
        for (Object pair : history(columns.get("history"))) {
            if (!(pair instanceof List<?> turns) || turns.size() != 2 || !(turns.get(0) instanceof String) || !(turns.get(1) instanceof String)) {
                throw new BadRowException(Reason.WRONG_TYPE, "history holds " + RowValues.shorten(pair)
                        + ": expected pairs of texts [question, answer]");
            }
            messages.add(new Message(Role.USER, (String) turns.get(0)));
            messages.add(new Message(Role.ASSISTANT, (String) turns.get(1)));
        }
        String query = first(columns, RowForm.QUERY_KEYS);
        if (query != null) {
            messages.add(new Message(Role.USER, text(columns, query)));
        }
        String response = first(columns, RowForm.RESPONSE_KEYS);
        if (response != null) {
            messages.add(new Message(Role.ASSISTANT, answer(columns.get(response), response)));
        }
        addSystem(columns, messages);
        return messages;
    }

    private static List<?> history(Object value) {
        Object parsed = value instanceof String text ? text.isBlank() ? List.of() : RowValues.parseJson(text, "history") : value;
        if (parsed == null) {
            return List.of();
        }
        if (parsed instanceof List<?> list) {
            return list;
        }
        throw new BadRowException(Reason.WRONG_TYPE, "history is " + RowValues.typeOf(parsed) + ": expected a list of [question, answer] pairs");
    }

    private String answer(Object value, String column) {
        Object chosen = value;
        if (value instanceof List<?> list) {
            if (list.isEmpty()) {
                throw new BadRowException(Reason.NO_ANSWER, column + " is an empty list: expected text or a list of texts");
            }
            chosen = list.get(list.size() == 1 ? 0 : (int) new RowPermutation(list.size(), options.seed() ^ list.hashCode()).at(0));
        }
        if (chosen instanceof String text) {
            return text;
        }
        throw new BadRowException(Reason.WRONG_TYPE, column + " is " + RowValues.typeOf(chosen) + " " + RowValues.shorten(chosen)
                + ": expected text or a list of texts");
    }

    private static void addSystem(Map<String, Object> columns, List<Message> messages) {
        String name = first(columns, RowForm.SYSTEM_KEYS);
        if (name != null && (messages.isEmpty() || messages.get(0).role() != Role.SYSTEM)) {
            messages.add(0, new Message(Role.SYSTEM, text(columns, name)));
        }
    }

    private void checkAnswer(List<Message> messages) {
        if (options.use() == ReadOptions.Use.INFER) {
            return;
        }
        boolean answered = false;
        for (Message message : messages) {
            answered |= message.role() == Role.TOOL_CALL || message.role() == Role.ASSISTANT
                    && (!message.content().isEmpty() || message.extra().containsKey("tool_calls"));
        }
        if (!answered) {
            throw new BadRowException(Reason.NO_ANSWER, "no turn of the assistant has text: expected an answer to train on (columns "
                    + RowForm.RESPONSE_KEYS + ", or a message with role assistant)");
        }
    }

    private List<Message> rejected(Map<String, Object> columns, List<Message> chosen) {
        Object response = columns.get("rejected_response");
        Object messages = columns.get("rejected_messages");
        List<Message> rejected;
        if (messages != null) {
            rejected = new ArrayList<>(MessageReader.read(messages, "rejected_messages"));
            if (rejected.get(0).role() != Role.SYSTEM && chosen.get(0).role() == Role.SYSTEM) {
                rejected.add(0, chosen.get(0));
            }
        } else if (response != null) {
            int last = chosen.size() - 1;
            if (chosen.get(last).role() != Role.ASSISTANT) {
                throw new BadRowException(Reason.NO_ANSWER, "rejected_response is there but the last turn is " + chosen.get(last).role()
                        + ": expected an assistant's turn that it replaces");
            }
            rejected = new ArrayList<>(chosen);
            rejected.set(last, new Message(Role.ASSISTANT, answer(response, "rejected_response"), chosen.get(last).loss(), Map.of()));
        } else {
            return null;
        }
        if (rejected.equals(chosen)) {
            throw new BadRowException(Reason.REJECTED_EQUALS_CHOSEN, "rejected and chosen are both "
                    + RowValues.shorten(chosen.get(chosen.size() - 1).content()) + ": a preference needs two different answers");
        }
        return rejected;
    }

    private static Boolean label(Object value) {
        if (value == null || value instanceof Boolean) {
            return (Boolean) value;
        }
        if (value instanceof Long number && (number == 0 || number == 1)) {
            return number == 1;
        }
        throw new BadRowException(Reason.WRONG_TYPE, "label is " + RowValues.shorten(value) + ": expected true or false");
    }

    private static Map<?, ?> object(Object value, String column) {
        Object parsed = value instanceof String text ? RowValues.parseJson(text, column) : value;
        if (parsed instanceof Map<?, ?> map) {
            return map;
        }
        throw new BadRowException(Reason.WRONG_TYPE, column + " is " + RowValues.typeOf(parsed) + " " + RowValues.shorten(parsed)
                + ": expected an object");
    }

    private static String first(Map<String, Object> columns, List<String> names) {
        return names.stream().filter(name -> columns.get(name) != null).findFirst().orElse(null);
    }

    private static String text(Map<String, Object> columns, String name) {
        Object value = columns.get(name);
        if (value instanceof String text) {
            return text;
        }
        throw new BadRowException(Reason.WRONG_TYPE, name + " is " + RowValues.typeOf(value) + " " + RowValues.shorten(value)
                + ": expected text");
    }
}
