package ai.sparktron.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Conversations of the shape of ordinary SFT data, as JSONL of a wished size: one to four turns whose texts are drawn from the lines of real text
 * files. Lines come again across a file of hundreds of megabytes, so a word cache sees more repetition than on unseen text; the tokenizer's own
 * benchmark says what it does there.
 */
final class SyntheticRows {

    private static final ObjectMapper JSON = new ObjectMapper();

    private SyntheticRows() {
    }

    /** Writes {@code target} unless it is there with at least the wished size. */
    static void write(Path target, List<Path> texts, long bytes) throws IOException {
        if (Files.exists(target) && Files.size(target) >= bytes) {
            return;
        }
        List<String> lines = new ArrayList<>();
        for (Path text : texts) {
            for (String line : Files.readAllLines(text)) {
                for (String content : contents(text, line)) {
                    if (content.length() >= 20) {
                        String quoted = JSON.writeValueAsString(content);
                        lines.add(quoted.substring(1, quoted.length() - 1));
                    }
                }
            }
        }
        SplittableRandom random = new SplittableRandom(42);
        long written = 0;
        try (BufferedWriter out = Files.newBufferedWriter(target)) {
            while (written < bytes) {
                String row = row(lines, random);
                out.write(row);
                written += row.length();
            }
        }
    }

    /** Texts of a line: the messages of a JSONL row, the gloss of a line of WordNet's data files, or the line itself. */
    private static List<String> contents(Path file, String line) throws IOException {
        if (file.toString().endsWith(".jsonl")) {
            return JSON.readTree(line).findValuesAsText("content");
        }
        int gloss = line.indexOf("| ");
        return List.of((gloss >= 0 ? line.substring(gloss + 2) : line).strip());
    }

    private static String row(List<String> lines, SplittableRandom random) {
        StringBuilder row = new StringBuilder("{\"messages\": [");
        int turns = 1 + random.nextInt(4);
        for (int turn = 0; turn < turns; turn++) {
            row.append(turn == 0 ? "" : ", ").append("{\"role\": \"user\", \"content\": \"").append(text(lines, random, 3));
            row.append("\"}, {\"role\": \"assistant\", \"content\": \"").append(text(lines, random, 12)).append("\"}");
        }
        return row.append("]}\n").toString();
    }

    private static String text(List<String> lines, SplittableRandom random, int most) {
        StringBuilder text = new StringBuilder();
        int count = 1 + random.nextInt(most);
        for (int i = 0; i < count; i++) {
            text.append(i == 0 ? "" : ". ").append(lines.get(random.nextInt(lines.size())));
        }
        return text.toString();
    }
}
