package ai.sparktron.pipeline.template.jinja;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** The {@code urlencode} filter. */
final class UrlQuote {

    private UrlQuote() {
    }

    static Object filter(Object value, Arguments arguments) {
        arguments.bind("urlencode");
        if (value instanceof String || !PythonValues.isIterable(value)) {
            return quote(PythonValues.str(value), false);
        }
        StringBuilder out = new StringBuilder();
        for (Object pair : value instanceof Map<?, ?> map ? Methods.items(map) : PythonValues.list(value)) {
            List<Object> items = PythonValues.list(pair);
            if (items.size() != 2) {
                throw JinjaException.value("urlencode wants pairs but got an item of length " + items.size());
            }
            out.append(out.isEmpty() ? "" : "&").append(quote(PythonValues.str(items.get(0)), true)).append('=')
                    .append(quote(PythonValues.str(items.get(1)), true));
        }
        return out.toString();
    }

    private static String quote(String text, boolean query) {
        StringBuilder out = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            boolean plain = c < 128 && (Character.isLetterOrDigit(c) || "_.-~".indexOf(c) >= 0 || c == '/' && !query);
            if (plain) {
                out.append(c);
            } else if (query && c == ' ') {
                out.append('+');
            } else {
                out.append(String.format("%%%02X", (int) c));
            }
        }
        return out.toString();
    }
}
