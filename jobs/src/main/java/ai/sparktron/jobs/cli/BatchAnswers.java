package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.ConversationReader;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.ReadOptions;
import ai.sparktron.pipeline.dataset.Role;
import ai.sparktron.pipeline.spark.DatasetReader;
import ai.sparktron.pipeline.spark.ReadRow;
import ai.sparktron.trainer.config.Options;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;

/**
 * Answers to the rows of a data set, one JSON object a line: {@code response}, {@code labels} (the row's own answer, if it has one) and {@code messages}.
 * Lines are written as they are made.
 */
final class BatchAnswers {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Options options;
    private final Answerer answerer;
    private final Console console;

    BatchAnswers(Options options, Answerer answerer, Console console) {
        this.options = options;
        this.answerer = answerer;
        this.console = console;
    }

    void run() throws IOException {
        Path target = Path.of(options.infer().resultPath().orElse("infer_result.jsonl")).toAbsolutePath();
        Files.createDirectories(target.getParent());
        SparkSession session = Sessions.open(options);
        DatasetReader reader = new DatasetReader(session, DataPreparation.hubs(options));
        ConversationReader conversations = new ConversationReader(new ReadOptions(TrainingShards.columns(options), ReadOptions.Use.INFER, options.data().dataSeed()));
        long answered = 0;
        try (BufferedWriter writer = Files.newBufferedWriter(target, StandardCharsets.UTF_8)) {
            for (String dataset : options.data().valDataset()) {
                for (Iterator<ReadRow> rows = reader.read(dataset).toLocalIterator(); rows.hasNext();) {
                    ReadRow row = rows.next();
                    if (row.values() == null) {
                        throw new IllegalArgumentException(row.file() + " line " + row.line() + ": " + row.fault());
                    }
                    answer(conversations.read(row.values()).orElseThrow(), writer);
                    answered++;
                }
            }
        }
        console.out().println(answered + " answers in " + target);
    }

    private void answer(Conversation row, BufferedWriter writer) throws IOException {
        List<Message> asked = new ArrayList<>(row.messages());
        String labels = null;
        while (!asked.isEmpty() && asked.get(asked.size() - 1).role() == Role.ASSISTANT) {
            labels = asked.remove(asked.size() - 1).content();
        }
        Conversation question = new Conversation(asked, null, row.tools(), null, row.extra());
        Answerer.Answer answer = answerer.answer(question, text -> { });
        ObjectNode line = JSON.createObjectNode().put("response", answer.text()).put("labels", labels);
        ArrayNode messages = line.putArray("messages");
        asked.forEach(message -> messages.addObject().put("role", message.role().name().toLowerCase(Locale.ROOT)).put("content", message.content()));
        messages.addObject().put("role", "assistant").put("content", answer.text());
        writer.write(JSON.writeValueAsString(line));
        writer.newLine();
        writer.flush();
        if (options.infer().stream()) {
            console.out().println(line);
        }
    }
}
