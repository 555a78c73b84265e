package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.dataset.BadRowException;
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
    private int write(List<ReadRow> waiting, Maker maker, ConversationReader conversations, BufferedWriter writer) throws IOException {
        List<ReadRow> rows = List.copyOf(waiting);
        waiting.clear();
        try {
            return make(rows, maker, conversations, line -> {
                writer.write(JSON.writeValueAsString(line));
                writer.newLine();
                if (options.infer().stream()) {
                    console.out().println(line);
                }
            });
        } finally {
            writer.flush();
        }
    }

    /** Where lines go. */
    @FunctionalInterface
    interface Sink {
        void accept(ObjectNode line) throws IOException;
    }

    /**
     * Makes the lines of rows that go together. Where nothing can be made of one of them, each is made by itself: the lines of those before it are not lost.
     *
     * @return their number
     * @throws IllegalArgumentException names the row of which nothing can be made
     */
    static int make(List<ReadRow> rows, Maker maker, ConversationReader conversations, Sink sink) throws IOException {
        List<ObjectNode> lines;
        try {
            lines = rows.isEmpty() ? List.of() : maker.ofAll(rows.stream().map(row -> conversations.read(row.values()).orElseThrow()).toList());
        } catch (IllegalArgumentException | BadRowException e) {
            if (rows.size() == 1) {
                throw new IllegalArgumentException(rows.get(0).file() + " line " + rows.get(0).line() + ": " + e.getMessage(), e);
            }
            int made = 0;
            for (ReadRow row : rows) {
                made += make(List.of(row), maker, conversations, sink);
            }
            return made;
        }
        for (ObjectNode line : lines) {
            sink.accept(line);
        }
        return lines.size();
    }
}
