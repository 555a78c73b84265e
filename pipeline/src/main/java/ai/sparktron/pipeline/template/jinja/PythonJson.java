package ai.sparktron.pipeline.template.jinja;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * JSON text in the spelling of Python's {@code json.dumps}: what chat templates print with {@code tojson} and what models saw in training.
 * Characters beyond ASCII stay as they are unless asked otherwise, and nothing is escaped for HTML.
 */
public final class PythonJson {

    private final boolean asciiOnly;
    private final String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sortKeys;
    private final StringBuilder out = new StringBuilder();

    PythonJson(boolean asciiOnly, String indent, String itemSeparator, String keySeparator, boolean sortKeys) {
        this.asciiOnly = asciiOnly;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sortKeys = sortKeys;
    }

    /**
     * {@code json.dumps(value, ensure_ascii=False)}.
     *
     * @throws JinjaException if a value has no JSON form
     */
    public static String dump(Object value) {
        return new PythonJson(false, null, ", ", ": ", false).text(value);
    }

    String text(Object value) {
        write(value, 0);
        return out.toString();
    }

    private void write(Object value, int depth) {
        if (depth > 200) {
            throw new JinjaException(JinjaException.Kind.LIMIT, "a value is nested deeper than 200 levels: it cannot be written as JSON");
        }
        if (value == null) {
            out.append("null");
        } else if (value instanceof String || value instanceof Markup) {
            quote(PythonValues.str(value));
        } else if (value instanceof Boolean) {
            out.append(value);
        } else if (PythonNumbers.isInteger(value)) {
            out.append(PythonNumbers.big(value));
        } else if (PythonNumbers.isNumber(value)) {
            out.append(number(PythonNumbers.asDouble(value)));
        } else if (value instanceof Map<?, ?> map && !(value instanceof Namespace)) {
            writeMap(map, depth);
        } else if (value instanceof List<?> list && !(value instanceof PythonRange)) {
            writeList(list, depth);
        } else {
            throw new JinjaException(JinjaException.Kind.TYPE, "Object of type " + PythonValues.typeName(value) + " is not JSON serializable");
        }
    }

    private static String number(double value) {
        return Double.isNaN(value) ? "NaN" : Double.isInfinite(value) ? value > 0 ? "Infinity" : "-Infinity" : PythonNumbers.repr(value);
    }

    private void writeList(List<?> list, int depth) {
        if (list.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append('[');
        for (int i = 0; i < list.size(); i++) {
            separate(i, depth + 1);
            write(list.get(i), depth + 1);
        }
        newLine(depth);
        out.append(']');
    }

    private void writeMap(Map<?, ?> map, int depth) {
        if (map.isEmpty()) {
            out.append("{}");
            return;
        }
        List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
        if (sortKeys) {
            entries.sort(Comparator.comparing(Map.Entry::getKey, PythonValues::compare));
        }
        out.append('{');
        for (int i = 0; i < entries.size(); i++) {
            separate(i, depth + 1);
            quote(key(entries.get(i).getKey()));
            out.append(keySeparator);
            write(entries.get(i).getValue(), depth + 1);
        }
        newLine(depth);
        out.append('}');
    }

    private static String key(Object key) {
        if (key == null) {
            return "null";
        }
        if (key instanceof String || key instanceof Boolean) {
            return key.toString();
        }
        if (PythonNumbers.isInteger(key)) {
            return PythonNumbers.big(key).toString();
        }
        if (PythonNumbers.isNumber(key)) {
            return number(PythonNumbers.asDouble(key));
        }
        throw new JinjaException(JinjaException.Kind.TYPE, "keys must be str, int, float, bool or None, not " + PythonValues.typeName(key));
    }

    private void separate(int index, int depth) {
        if (index > 0) {
            out.append(itemSeparator);
        }
        newLine(depth);
    }

    private void newLine(int depth) {
        if (indent != null) {
            out.append('\n').append(indent.repeat(depth));
        }
    }

    private void quote(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < ' ' || asciiOnly && c > '~') {
                        out.append("\\u").append(Character.forDigit(c >> 12, 16)).append(Character.forDigit(c >> 8 & 15, 16))
                                .append(Character.forDigit(c >> 4 & 15, 16)).append(Character.forDigit(c & 15, 16));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
