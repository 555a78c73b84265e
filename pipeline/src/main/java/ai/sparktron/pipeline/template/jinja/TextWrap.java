package ai.sparktron.pipeline.template.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** The {@code wordwrap} filter; words are broken at white space only, so {@code break_on_hyphens} must be false where a word has a hyphen. */
final class TextWrap {

    private static final Pattern CHUNKS = Pattern.compile(
            "(?<=[\\t\\n\\u000b\\f\\r ])(?=[^\\t\\n\\u000b\\f\\r ])|(?<=[^\\t\\n\\u000b\\f\\r ])(?=[\\t\\n\\u000b\\f\\r ])");

    private TextWrap() {
    }

    static Object wrap(Object value, Arguments arguments) {
        Object[] values = arguments.bind("wordwrap", "width", "break_long_words", "wrapstring", "break_on_hyphens");
        String text = Arguments.text("wordwrap", value);
        int width = (int) Arguments.integer("wordwrap", Arguments.or(values[0], 79L));
        boolean breakLong = PythonValues.truth(Arguments.or(values[1], true));
        Object newLine = Arguments.or(values[2], null);
        if (width <= 0) {
            throw JinjaException.value("invalid width " + width + " (must be > 0)");
        }
        if (PythonValues.truth(Arguments.or(values[3], true)) && text.matches("(?s).*\\w-.*")) {
            throw new JinjaException(JinjaException.Kind.UNSUPPORTED,
                    "wordwrap of a text with hyphens is supported with break_on_hyphens=false only");
        }
        List<String> lines = new ArrayList<>();
        for (Object line : PythonText.splitLines(text, false)) {
            List<String> wrapped = wrapLine((String) line, width, breakLong);
            lines.add(String.join(newLine == null ? "\n" : Arguments.text("wordwrap", newLine), wrapped));
        }
        return String.join(newLine == null ? "\n" : (String) newLine, lines);
    }

    private static List<String> wrapLine(String line, int width, boolean breakLong) {
        List<String> chunks = new ArrayList<>();
        for (String chunk : CHUNKS.split(line)) {
            if (!chunk.isEmpty()) {
                chunks.add(chunk);
            }
        }
        List<String> lines = new ArrayList<>();
        while (!chunks.isEmpty()) {
            if (chunks.get(0).isBlank() && !lines.isEmpty()) {
                chunks.remove(0);
            }
            List<String> taken = new ArrayList<>();
            int length = 0;
            while (!chunks.isEmpty() && length + PythonText.length(chunks.get(0)) <= width) {
                length += PythonText.length(chunks.get(0));
                taken.add(chunks.remove(0));
            }
            if (!chunks.isEmpty() && PythonText.length(chunks.get(0)) > width) {
                breakChunk(chunks, taken, width - length, breakLong);
            }
            if (!taken.isEmpty() && taken.get(taken.size() - 1).isBlank()) {
                taken.remove(taken.size() - 1);
            }
            if (!taken.isEmpty()) {
                lines.add(String.join("", taken));
            }
        }
        return lines;
    }

    private static void breakChunk(List<String> chunks, List<String> taken, int space, boolean breakLong) {
        String chunk = chunks.get(0);
        if (breakLong) {
            int keep = Math.max(1, space);
            taken.add(PythonText.slice(chunk, 0, 1, keep));
            chunks.set(0, chunk.substring(PythonText.offset(chunk, keep)));
        } else if (taken.isEmpty()) {
            taken.add(chunks.remove(0));
        }
    }
}
