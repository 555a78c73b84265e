package ai.sparktron.pipeline.template.jinja;

import java.util.List;
import java.util.Map;

/** {@code 'format' % values}. */
final class PercentFormat {

    private final String format;
    private final Object values;
    private final StringBuilder out = new StringBuilder();
    private int position;
    private int taken;

    private PercentFormat(String format, Object values) {
        this.format = format;
        this.values = values;
    }

    static String format(String format, Object values) {
        return new PercentFormat(format, values).run();
    }

    private String run() {
        while (position < format.length()) {
            char c = format.charAt(position++);
            if (c != '%') {
                out.append(c);
            } else {
                conversion();
            }
        }
        if (values instanceof PythonTuple tuple ? taken < tuple.size() : taken == 0 && !(values instanceof Map)
                && !(values instanceof List) && !(values instanceof Undefined)) {
            throw JinjaException.type("not all arguments converted during string formatting");
        }
        return out.toString();
    }

    private void conversion() {
        Object named = Arguments.ABSENT;
        if (peek() == '(') {
            int close = format.indexOf(')', position);
            if (close < 0 || !(values instanceof Map<?, ?> map)) {
                throw JinjaException.type(close < 0 ? "incomplete format key in '" + format + "'" : "format requires a mapping");
            }
            String key = format.substring(position + 1, close);
            if (!map.containsKey(key)) {
                throw JinjaException.value("the mapping of '%' has no key '" + key + "'");
            }
            named = map.get(key);
            taken++;
            position = close + 1;
        }
        String flags = take("#0- +");
        String width = take("0123456789");
        boolean dot = peek() == '.';
        position += dot ? 1 : 0;
        String precision = dot ? "0" + take("0123456789") : "";
        char type = peek();
        position++;
        if (type == '%') {
            out.append('%');
            return;
        }
        Object value = named != Arguments.ABSENT ? named : next();
        out.append(FormatSpec.percent(flags, width, precision, type, value));
    }

    private char peek() {
        if (position >= format.length()) {
            throw JinjaException.value("incomplete format '" + format + "'");
        }
        return format.charAt(position);
    }

    private String take(String characters) {
        int start = position;
        while (position < format.length() && characters.indexOf(format.charAt(position)) >= 0) {
            position++;
        }
        return format.substring(start, position);
    }

    private Object next() {
        int size = values instanceof PythonTuple tuple ? tuple.size() : 1;
        if (taken >= size) {
            throw JinjaException.type("not enough arguments for format string '" + format + "'");
        }
        taken++;
        return values instanceof PythonTuple tuple ? tuple.get(taken - 1) : values;
    }
}
