import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes conversations of two and three rounds out of the self-cognition rows, each within one language, so that a model that learned from them also answers second
 * questions: {@code java examples/tools/Rounds.java examples/data/self-cognition.jsonl examples/data/self-cognition-rounds.jsonl}. The same bytes every time.
 */
public final class Rounds {

    private static final Pattern ROW = Pattern.compile("\\{\"query\": (\".*\"), \"response\": (\".*\"), \"tag\": \"(en|zh)\"}");
    private static final int ROUNDS_PER_ROW = 2;

    private record Row(String query, String response, String tag) {
    }

    private Rounds() {
    }

    public static void main(String[] arguments) throws IOException {
        List<Row> rows = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(arguments[0]), StandardCharsets.UTF_8)) {
            Matcher matcher = ROW.matcher(line);
            if (!matcher.matches()) {
                throw new IllegalArgumentException("row is not of the form query, response, tag: " + line);
            }
            rows.add(new Row(matcher.group(1), matcher.group(2), matcher.group(3)));
        }
        Random random = new Random(20260101);
        List<String> conversations = new ArrayList<>();
        for (Row last : rows) {
            List<Row> same = rows.stream().filter(row -> row.tag().equals(last.tag())).toList();
            StringBuilder messages = new StringBuilder();
            for (int earlier = 0; earlier < 1 + random.nextInt(ROUNDS_PER_ROW); earlier++) {
                append(messages, same.get(random.nextInt(same.size())));
            }
            append(messages, last);
            conversations.add("{\"messages\": [" + messages + "], \"tag\": \"" + last.tag() + "\"}");
        }
        Files.write(Path.of(arguments[1]), conversations, StandardCharsets.UTF_8);
    }

    private static void append(StringBuilder messages, Row row) {
        messages.append(messages.length() == 0 ? "" : ", ").append("{\"role\": \"user\", \"content\": ").append(row.query())
                .append("}, {\"role\": \"assistant\", \"content\": ").append(row.response()).append("}");
    }
}
