package ai.sparktron.notebooks.runner;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A piece of a paragraph's output as Zeppelin would show it: a line that begins with {@code %text}, {@code %table} or {@code %html} begins another
 * piece.
 *
 * @param kind    text, table or html
 * @param content without the first word
 */
public record Display(String kind, String content) {

    private static final Pattern DIRECTIVE = Pattern.compile("^%(\\w+)[ \\n]?", Pattern.MULTILINE);

    /** The pieces of an output; empty text between them is left out. */
    static List<Display> of(String output) {
        List<Display> pieces = new ArrayList<>();
        Matcher directive = DIRECTIVE.matcher(output);
        String kind = "text";
        int from = 0;
        while (directive.find()) {
            add(pieces, kind, output.substring(from, directive.start()));
            kind = directive.group(1);
            from = directive.end();
        }
        add(pieces, kind, output.substring(from));
        return pieces;
    }

    private static void add(List<Display> pieces, String kind, String content) {
        if (!content.isBlank()) {
            pieces.add(new Display(kind, content));
        }
    }

    /** A table's cells without its header. */
    public List<List<String>> rows() {
        if (!kind.equals("table")) {
            throw new IllegalStateException("expected a table, this is " + kind + ": " + content);
        }
        return content.lines().filter(line -> !line.isEmpty()).skip(1).map(line -> List.of(line.split("\t", -1))).toList();
    }
}
