package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardCounts;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a preparation did; {@link #toString} is what people see at its end.
 *
 * @param rows            rows that were selected, of both sets
 * @param kept            rows whose samples are in the shards
 * @param dropped         rows not used, by reason
 * @param examples        the first bad rows of each reason
 * @param train           what the training shards hold
 * @param trainFill       part of the training rows' room that holds tokens
 * @param validation      what the validation shards hold
 * @param lengths         tokens of the samples
 * @param shards          shard files
 * @param taskSeconds     time per stage, added up over all tasks
 * @param wallSeconds     time of the whole run
 * @param jsonBytes       bytes of the rows read, as JSON
 * @param textCharacters  characters tokenized
 */
public record PrepareSummary(long rows, long kept, Map<String, Long> dropped, List<BadRowReport> examples, ShardCounts train, double trainFill,
                             ShardCounts validation, LengthHistogram lengths, int shards, Map<Stage, Double> taskSeconds, double wallSeconds,
                             long jsonBytes, long textCharacters) {

    public PrepareSummary {
        dropped = Map.copyOf(dropped);
        examples = List.copyOf(examples);
        taskSeconds = Map.copyOf(taskSeconds);
    }

    /** The stage that took most of the tasks' time. */
    public Stage slowest() {
        Stage slowest = Stage.READ;
        for (Stage stage : Stage.values()) {
            if (taskSeconds.getOrDefault(stage, 0.0) > taskSeconds.getOrDefault(slowest, 0.0)) {
                slowest = stage;
            }
        }
        return slowest;
    }

    /** Rows that were not used. */
    public long droppedRows() {
        return dropped.values().stream().mapToLong(Long::longValue).sum();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        line(text, "rows            %,d selected, %,d kept, %,d dropped", rows, kept, droppedRows());
        new TreeMap<>(dropped).forEach((reason, count) -> line(text, "  %-18s %,d", reason, count));
        line(text, "train           %,d packed rows, %,d tokens, %,d trained (%.1f %%), fill %.2f %%", train.rows(), train.tokens(),
                train.trainedTokens(), train.tokens() == 0 ? 0.0 : 100.0 * train.trainedTokens() / train.tokens(), 100 * trainFill);
        if (validation.rows() > 0) {
            line(text, "validation      %,d packed rows, %,d tokens, %,d trained", validation.rows(), validation.tokens(), validation.trainedTokens());
        }
        line(text, "shards          %,d", shards);
        line(text, "lengths         longest %,d tokens", lengths.longest());
        text.append(lengths);
        double megabytes = jsonBytes / 1e6;
        line(text, "time            %.1f s, %,.0f rows/s, %.1f MB/s of JSON", wallSeconds, rows / wallSeconds, megabytes / wallSeconds);
        EnumMap<Stage, Double> ordered = new EnumMap<>(taskSeconds);
        double all = ordered.values().stream().mapToDouble(Double::doubleValue).sum();
        ordered.forEach((stage, seconds) -> line(text, "  %-10s %8.2f task seconds %5.1f %%  %,8.1f MB/s%s", stage.word(), seconds,
                all == 0 ? 0.0 : 100 * seconds / all, seconds == 0 ? 0.0 : megabytes / seconds, stage == slowest() ? "  <- slowest" : ""));
        if (!examples.isEmpty()) {
            line(text, "bad rows, the first of each reason:");
            examples.forEach(row -> line(text, "    %s", row));
        }
        return text.toString();
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
