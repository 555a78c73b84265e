package ai.sparktron.pipeline.template.jinja;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code 'format'.format(...)}. */
final class BraceFormat {

    private static final Pattern STEP = Pattern.compile("\\.([^.\\[]+)|\\[([^\\]]+)\\]");

    private final Arguments arguments;
    private int automatic;

    private BraceFormat(Arguments arguments) {
        this.arguments = arguments;
    }

    static String format(String format, Arguments arguments) {
        return new BraceFormat(arguments).run(format, 0);
    }

    private String run(String format, int depth) {
        if (depth > 1) {
            throw JinjaException.value("Max string recursion exceeded in '" + format + "'");
        }
        StringBuilder out = new StringBuilder();
        int i = 0;
        while (i < format.length()) {
            char c = format.charAt(i++);
            if (c != '{' && c != '}') {
                out.append(c);
            } else if (i < format.length() && format.charAt(i) == c) {
                out.append(c);
                i++;
            } else if (c == '}') {
                throw JinjaException.value("Single '}' encountered in format string '" + format + "'");
            } else {
                int end = close(format, i);
                out.append(field(format.substring(i, end), depth));
                i = end + 1;
            }
        }
        return out.toString();
    }

    private static int close(String format, int from) {
        int open = 1;
        for (int i = from; i < format.length(); i++) {
            char c = format.charAt(i);
            open += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (open == 0) {
                return i;
            }
        }
        throw JinjaException.value("expected '}' before end of format string '" + format + "'");
    }

    private String field(String field, int depth) {
        int colon = field.indexOf(':');
        String spec = colon < 0 ? "" : run(field.substring(colon + 1), depth + 1);
        String head = colon < 0 ? field : field.substring(0, colon);
        int bang = head.indexOf('!');
        Object value = value(bang < 0 ? head : head.substring(0, bang));
        if (bang >= 0) {
            value = switch (head.substring(bang + 1)) {
                case "s" -> PythonValues.str(value);
                case "r" -> PythonValues.repr(value);
                default -> throw JinjaException.value("conversion '" + head.substring(bang) + "' in a format string: expected !s or !r");
            };
        }
        return FormatSpec.brace(spec, value);
    }

    private Object value(String path) {
        int end = 0;
        while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
            end++;
        }
        Object value = argument(path.substring(0, end));
        Matcher step = STEP.matcher(path);
        while (end < path.length()) {
            if (!step.find(end) || step.start() != end) {
                throw JinjaException.value("malformed field '{" + path + "}' in a format string");
            }
            String key = step.group(2);
            value = step.group(1) != null ? Attributes.onlyAttribute(value, step.group(1))
                    : Attributes.item(value, key.matches("\\d+") ? (Object) Long.valueOf(key) : key);
            if (value instanceof Undefined undefined) {
                throw undefined.used();
            }
            end = step.end();
        }
        return value;
    }

    private Object argument(String name) {
        if (name.isEmpty() || name.matches("\\d+")) {
            if (name.isEmpty() ? automatic < 0 : automatic > 0) {
                throw JinjaException.value("cannot switch between automatic and manual field numbering");
            }
            int index = name.isEmpty() ? automatic++ : Integer.parseInt(name);
            automatic = name.isEmpty() ? automatic : -1;
            if (index >= arguments.positional().size()) {
                throw JinjaException.value("Replacement index " + index + " out of range for positional args tuple");
            }
            return arguments.positional().get(index);
        }
        if (!arguments.keywords().containsKey(name)) {
            throw JinjaException.value("format string names '" + name + "', which was not given");
        }
        return arguments.keywords().get(name);
    }
}
