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
import java.util.Iterator;
import org.apache.spark.sql.SparkSession;

/** What a model makes of the rows of a data set, one JSON object a line in {@code result_path}. Lines are written as they are made. */
final class BatchLines {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Options options;
    private final Console console;

    /** What is made of a row. */
    interface Maker {
        /** @throws IllegalArgumentException when nothing can be made of it; says why */
        ObjectNode of(Conversation row);
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
        try (BufferedWriter writer = Files.newBufferedWriter(target, StandardCharsets.UTF_8)) {
            for (String dataset : options.data().valDataset()) {
                for (Iterator<ReadRow> rows = reader.read(dataset).toLocalIterator(); rows.hasNext();) {
                    ReadRow row = rows.next();
                    if (row.values() == null) {
                        throw new IllegalArgumentException(row.file() + " line " + row.line() + ": " + row.fault());
                    }
                    ObjectNode line = line(row, maker, conversations);
                    writer.write(JSON.writeValueAsString(line));
                    writer.newLine();
                    writer.flush();
                    if (options.infer().stream()) {
                        console.out().println(line);
                    }
                    made++;
                }
            }
        }
        console.out().println(made + " " + what + " in " + target);
    }

    private static ObjectNode line(ReadRow row, Maker maker, ConversationReader conversations) {
        try {
            return maker.of(conversations.read(row.values()).orElseThrow());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(row.file() + " line " + row.line() + ": " + e.getMessage(), e);
        }
    }
}
