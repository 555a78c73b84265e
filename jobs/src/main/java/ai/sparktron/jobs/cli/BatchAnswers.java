package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Answers to rows: {@code response}, {@code labels} (the row's own answer, if it has one) and {@code messages}. */
final class BatchAnswers implements BatchLines.Maker {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Answerer answerer;

    BatchAnswers(Answerer answerer) {
        this.answerer = answerer;
    }

    @Override
    public ObjectNode of(Conversation row) {
        List<Message> asked = new ArrayList<>(row.messages());
        String labels = null;
        while (!asked.isEmpty() && asked.get(asked.size() - 1).role() == Role.ASSISTANT) {
            labels = asked.remove(asked.size() - 1).content();
        }
        Conversation question = new Conversation(asked, null, row.tools(), null, row.extra());
        Answerer.Answer answer = answerer.answer(question, text -> { });
        ObjectNode line = JSON.createObjectNode().put("response", answer.text()).put("labels", labels);
        ArrayNode messages = messages(line, asked);
        messages.addObject().put("role", "assistant").put("content", answer.text());
        return line;
    }

    /** Adds turns to a line. */
    static ArrayNode messages(ObjectNode line, List<Message> turns) {
        ArrayNode messages = line.putArray("messages");
        turns.forEach(message -> messages.addObject().put("role", message.role().name().toLowerCase(Locale.ROOT)).put("content", message.content()));
        return messages;
    }
}
