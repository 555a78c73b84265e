package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.ConversationReader;
import ai.sparktron.pipeline.dataset.ReadOptions;
import ai.sparktron.pipeline.spark.DatasetReader;
import ai.sparktron.pipeline.spark.ReadRow;
import ai.sparktron.trainer.config.Options;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/** What a model makes of the rows of a data set, one JSON object a line in {@code result_path}. Lines are written as they are made, those that are made together at once. */
final class BatchLines {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Options options;
    private final Console console;

    /** What is made of a row. */
    interface Maker {
        /** @throws IllegalArgumentException when nothing can be made of it; says why */
        ObjectNode of(Conversation row);

        /** Rows that go together: more than one where that is faster. */
        default int atATime() {
            return 1;
        }

        /** As {@link #of}, of several rows in their order. */
        default List<ObjectNode> ofAll(List<Conversation> rows) {
            return rows.stream().map(this::of).toList();
        }
    }

    BatchLines(Options options, Console console) {
        this.options = options;
        this.console = console;
    }

    /** @param what lines are, for the last message */
    void write(String what, Maker maker) throws IOException {
        Path target = Path.of(options.infer().resultPath().orElse("infer_result.jsonl")).toAbsolutePath();
        Files.createDirectories(target.getParent());
        SparkSession session = Sessions.open(options);
        DatasetReader reader = new DatasetReader(session, DataPreparation.hubs(options));
        ConversationReader conversations = new ConversationReader(new ReadOptions(TrainingShards.columns(options), ReadOptions.Use.INFER, options.data().dataSeed()));
        long made = 0;
        List<ReadRow> waiting = new ArrayList<>();
        try (BufferedWriter writer = Files.newBufferedWriter(target, StandardCharsets.UTF_8)) {
            for (String dataset : options.data().valDataset()) {
                for (Iterator<ReadRow> rows = reader.read(dataset).toLocalIterator(); rows.hasNext();) {
                    ReadRow row = rows.next();
                    if (row.values() == null) {
                        throw new IllegalArgumentException(row.file() + " line " + row.line() + ": " + row.fault());
                    }
                    waiting.add(row);
                    if (waiting.size() == maker.atATime()) {
                        made += write(waiting, maker, conversations, writer);
                    }
                }
            }
            made += write(waiting, maker, conversations, writer);
        }
        console.out().println(made + " " + what + " in " + target);
    }

    /** Empties the list. @return the number of lines */
    private int write(List<ReadRow> rows, Maker maker, ConversationReader conversations, BufferedWriter writer) throws IOException {
        List<ObjectNode> lines = rows.isEmpty() ? List.of() : lines(rows, maker, conversations);
        rows.clear();
        for (ObjectNode line : lines) {
            writer.write(JSON.writeValueAsString(line));
            writer.newLine();
            if (options.infer().stream()) {
                console.out().println(line);
            }
        }
        writer.flush();
        return lines.size();
    }

    private static List<ObjectNode> lines(List<ReadRow> rows, Maker maker, ConversationReader conversations) {
        List<Conversation> read = rows.stream().map(row -> conversation(row, conversations)).toList();
        ReadRow first = rows.get(0);
        ReadRow last = rows.get(rows.size() - 1);
        try {
            return maker.ofAll(read);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(first.file() + " line " + first.line() + (rows.size() == 1 ? "" : " to " + last.file() + " line " + last.line()) + ": "
                    + e.getMessage(), e);
        }
    }

    private static Conversation conversation(ReadRow row, ConversationReader conversations) {
        try {
            return conversations.read(row.values()).orElseThrow();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(row.file() + " line " + row.line() + ": " + e.getMessage(), e);
        }
    }
}
