import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes rows of single answers with a label out of the first preference rows, two good ones to each bad one:
 * {@code java examples/tools/Labels.java examples/data/wordnet-dpo.jsonl examples/data/wordnet-kto.jsonl}. The same bytes every time.
 */
public final class Labels {

    private static final Pattern ROW = Pattern.compile("(\\{\"messages\": \\[.*\"content\": )(\".*\")}], \"rejected_response\": (\".*\")}");
    private static final int ROWS = 300;
    private static final int BAD_ONE_OF = 3;

    private Labels() {
    }

    public static void main(String[] arguments) throws IOException {
        List<String> lines = Files.readAllLines(Path.of(arguments[0]), StandardCharsets.UTF_8).subList(0, ROWS);
        List<String> rows = new ArrayList<>();
        for (String line : lines) {
            Matcher matcher = ROW.matcher(line);
            if (!matcher.matches()) {
                throw new IllegalArgumentException("row is not of the form messages, rejected_response: " + line);
            }
            boolean good = rows.size() % BAD_ONE_OF != BAD_ONE_OF - 1;
            rows.add(matcher.group(1) + matcher.group(good ? 2 : 3) + "}], \"label\": " + good + "}");
        }
        Files.write(Path.of(arguments[1]), rows, StandardCharsets.UTF_8);
    }
}
