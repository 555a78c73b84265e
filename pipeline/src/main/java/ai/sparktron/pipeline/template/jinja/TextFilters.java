package ai.sparktron.pipeline.template.jinja;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Filters that take a text. Most turn any value into one first, as Jinja's do. */
final class TextFilters {

    private static final Pattern WORD_STARTS = Pattern.compile("(?<=[-\\s({\\[<])|(?=[-\\s({\\[<])", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern WORDS = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);

    private TextFilters() {
    }

    static void register(Map<String, Filters.Filter> table) {
        table.put("upper", (value, arguments) -> none("upper", arguments, PythonValues.str(value).toUpperCase(Locale.ROOT)));
        table.put("lower", (value, arguments) -> none("lower", arguments, PythonValues.str(value).toLowerCase(Locale.ROOT)));
        table.put("capitalize", (value, arguments) -> none("capitalize", arguments, PythonText.capitalize(PythonValues.str(value))));
        table.put("title", (value, arguments) -> none("title", arguments, title(PythonValues.str(value))));
        table.put("string", (value, arguments) -> none("string", arguments, PythonValues.str(value)));
        table.put("safe", (value, arguments) -> none("safe", arguments, new Markup(PythonValues.str(value))));
        table.put("escape", (value, arguments) -> none("escape", arguments,
                value instanceof Markup ? value : new Markup(escape(PythonValues.str(value)))));
        table.put("e", table.get("escape"));
        table.put("forceescape", (value, arguments) -> none("forceescape", arguments, new Markup(escape(PythonValues.str(value)))));
        table.put("trim", TextFilters::trim);
        table.put("replace", TextFilters::replace);
        table.put("indent", TextFilters::indent);
        table.put("center", (value, arguments) -> PythonText.pad(PythonValues.str(value),
                Arguments.integer("center", Arguments.or(arguments.bind("center", "width")[0], 80L)), " ", 1));
        table.put("format", TextFilters::format);
        table.put("truncate", TextFilters::truncate);
        table.put("wordcount", (value, arguments) -> none("wordcount", arguments, WORDS.matcher(PythonValues.str(value)).results().count()));
        table.put("wordwrap", (value, arguments) -> TextWrap.wrap(value, arguments));
        table.put("urlencode", UrlQuote::filter);
    }

    private static Object none(String name, Arguments arguments, Object result) {
        arguments.bind(name);
        return result;
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;").replace("'", "&#39;").replace("\"", "&#34;");
    }

    private static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (String word : WORD_STARTS.split(text)) {
            if (!word.isEmpty()) {
                int first = word.offsetByCodePoints(0, 1);
                out.append(word.substring(0, first).toUpperCase(Locale.ROOT)).append(word.substring(first).toLowerCase(Locale.ROOT));
            }
        }
        return out.toString();
    }

    private static Object trim(Object value, Arguments arguments) {
        Object characters = Arguments.or(arguments.bind("trim", "chars")[0], null);
        return PythonText.strip(PythonValues.str(value), characters == null ? null : Arguments.text("trim", characters), true, true);
    }

    private static Object replace(Object value, Arguments arguments) {
        Object[] values = arguments.bind("replace", "old", "new", "count");
        Arguments.require("replace", values, 2, "old", "new");
        Object count = Arguments.or(values[2], null);
        return PythonText.replace(PythonValues.str(value), PythonValues.str(values[0]), PythonValues.str(values[1]),
                count == null ? -1 : Arguments.integer("replace", count));
    }

    private static Object indent(Object value, Arguments arguments) {
        Object[] values = arguments.bind("indent", "width", "first", "blank");
        Object width = Arguments.or(values[0], 4L);
        String indent = width instanceof String text ? text : " ".repeat((int) Math.max(0, Arguments.integer("indent", width)));
        boolean blank = PythonValues.truth(Arguments.or(values[2], false));
        List<Object> lines = PythonText.splitLines(Arguments.text("indent", value) + "\n", false);
        StringBuilder out = new StringBuilder(PythonValues.truth(Arguments.or(values[1], false)) ? indent : "");
        for (int i = 0; i < lines.size(); i++) {
            String line = (String) lines.get(i);
            out.append(i > 0 ? "\n" : "").append(i > 0 && (blank || !line.isEmpty()) ? indent : "").append(line);
        }
        return out.toString();
    }

    private static Object format(Object value, Arguments arguments) {
        if (!arguments.positional().isEmpty() && !arguments.keywords().isEmpty()) {
            throw JinjaException.type("format takes either positional or keyword arguments, not both");
        }
        return PercentFormat.format(PythonValues.str(value), arguments.keywords().isEmpty() ? new PythonTuple(arguments.positional())
                : arguments.keywords());
    }

    private static Object truncate(Object value, Arguments arguments) {
        Object[] values = arguments.bind("truncate", "length", "killwords", "end", "leeway");
        long length = Arguments.integer("truncate", Arguments.or(values[0], 255L));
        String end = Arguments.text("truncate", Arguments.or(values[2], "..."));
        Object leeway = Arguments.or(values[3], null);
        long slack = leeway == null ? 5 : Arguments.integer("truncate", leeway);
        int keep = (int) length - PythonText.length(end);
        if (keep < 0 || slack < 0) {
            throw JinjaException.value("truncate to " + length + " characters with leeway " + slack + ": expected at least the length of '" + end
                    + "' and a leeway of at least 0");
        }
        if (PythonValues.length(value) <= length + slack) {
            return value;
        }
        String text = Arguments.text("truncate", value);
        String cut = PythonText.slice(text, 0, 1, keep);
        if (!PythonValues.truth(Arguments.or(values[1], false))) {
            cut = (String) PythonText.split(cut, " ", 1, true).get(0);
        }
        return cut + end;
    }
}
