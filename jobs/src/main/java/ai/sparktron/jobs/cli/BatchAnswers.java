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
    /** Rows for each place, so that those that wait take the places of short answers. */
    private static final int ROUNDS = 8;

    private final Answerer answerer;
    private final int atATime;

    /** @param together rows that are answered together */
    BatchAnswers(Answerer answerer, int together) {
        this.answerer = answerer;
        this.atATime = together == 1 ? 1 : ROUNDS * together;
    }

    @Override
    public int atATime() {
        return atATime;
    }

    @Override
    public ObjectNode of(Conversation row) {
        return ofAll(List.of(row)).get(0);
    }

    @Override
    public List<ObjectNode> ofAll(List<Conversation> rows) {
        List<Question> questions = rows.stream().map(Question::of).toList();
        List<Answerer.Answer> answers = answerer.answerAll(questions.stream().map(Question::asked).toList());
        List<ObjectNode> lines = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            Question question = questions.get(i);
            ObjectNode line = JSON.createObjectNode().put("response", answers.get(i).text()).put("labels", question.labels());
            messages(line, question.asked().messages()).addObject().put("role", "assistant").put("content", answers.get(i).text());
            lines.add(line);
        }
        return lines;
    }

    /** A row's question, and its own answer, null where it has none. */
    private record Question(Conversation asked, String labels) {

        static Question of(Conversation row) {
            List<Message> asked = new ArrayList<>(row.messages());
            String labels = null;
            while (!asked.isEmpty() && asked.get(asked.size() - 1).role() == Role.ASSISTANT) {
                labels = asked.remove(asked.size() - 1).content();
            }
            return new Question(new Conversation(asked, null, row.tools(), null, row.extra()), labels);
        }
    }

    /** Adds turns to a line. */
    static ArrayNode messages(ObjectNode line, List<Message> turns) {
        ArrayNode messages = line.putArray("messages");
        turns.forEach(message -> messages.addObject().put("role", message.role().name().toLowerCase(Locale.ROOT)).put("content", message.content()));
        return messages;
    }
}
