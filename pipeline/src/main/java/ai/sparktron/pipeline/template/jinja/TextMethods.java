package ai.sparktron.pipeline.template.jinja;

import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;

/** Methods of strings. */
final class TextMethods {

    private static final Set<String> UNSUPPORTED = Set.of("encode", "expandtabs", "format_map", "isidentifier", "isprintable", "maketrans",
            "translate");

    private TextMethods() {
    }

    static Callable find(String text, String name) {
        return switch (name) {
            case "upper" -> none(name, () -> text.toUpperCase(Locale.ROOT));
            case "lower" -> none(name, () -> text.toLowerCase(Locale.ROOT));
            case "casefold" -> none(name, () -> text.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT));
            case "title" -> none(name, () -> PythonText.titleCase(text));
            case "capitalize" -> none(name, () -> PythonText.capitalize(text));
            case "swapcase" -> none(name, () -> PythonText.swapCase(text));
            case "strip" -> arguments -> strip(text, arguments, name, true, true);
            case "lstrip" -> arguments -> strip(text, arguments, name, true, false);
            case "rstrip" -> arguments -> strip(text, arguments, name, false, true);
            case "startswith" -> arguments -> affix(text, arguments, name, true);
            case "endswith" -> arguments -> affix(text, arguments, name, false);
            case "removeprefix" -> arguments -> {
                String prefix = one(arguments, name);
                return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
            };
            case "removesuffix" -> arguments -> {
                String suffix = one(arguments, name);
                return text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
            };
            case "split" -> arguments -> split(text, arguments, name, false);
            case "rsplit" -> arguments -> split(text, arguments, name, true);
            case "splitlines" -> arguments -> {
                Object keep = arguments.bind(name, "keepends")[0];
                return PythonText.splitLines(text, keep != Arguments.ABSENT && PythonValues.truth(keep));
            };
            case "partition" -> arguments -> partition(text, one(arguments, name), false);
            case "rpartition" -> arguments -> partition(text, one(arguments, name), true);
            case "replace" -> arguments -> replace(text, arguments);
            case "join" -> arguments -> join(text, arguments.exactly(name, 1, "iterable")[0]);
            case "format" -> arguments -> BraceFormat.format(text, arguments);
            case "center" -> arguments -> pad(text, arguments, name, 1);
            case "ljust" -> arguments -> pad(text, arguments, name, 0);
            case "rjust" -> arguments -> pad(text, arguments, name, 2);
            case "zfill" -> arguments -> zeroFill(text, Arguments.integer(name, arguments.exactly(name, 1, "width")[0]));
            case "find", "rfind", "index", "rindex", "count" -> arguments -> TextSearch.call(text, name, arguments);
            default -> UNSUPPORTED.contains(name) ? Methods.unsupported(text, name) : predicate(text, name);
        };
    }

    private static Callable predicate(String text, String name) {
        return switch (name) {
            case "isdigit", "isnumeric", "isdecimal" -> all(name, text, c -> name.equals("isdecimal") ? Character.isDigit(c)
                    : Character.isDigit(c) || Character.getType(c) == Character.OTHER_NUMBER
                    || name.equals("isnumeric") && Character.getType(c) == Character.LETTER_NUMBER);
            case "isalpha" -> all(name, text, Character::isLetter);
            case "isalnum" -> all(name, text, c -> Character.isLetterOrDigit(c) || Character.getType(c) == Character.OTHER_NUMBER
                    || Character.getType(c) == Character.LETTER_NUMBER);
            case "isspace" -> all(name, text, PythonText::isSpace);
            case "isascii" -> none(name, () -> text.codePoints().allMatch(c -> c < 128));
            case "islower" -> none(name, () -> cased(text, true));
            case "isupper" -> none(name, () -> cased(text, false));
            case "istitle" -> none(name, () -> text.codePoints().anyMatch(Character::isLetter) && PythonText.titleCase(text).equals(text));
            default -> null;
        };
    }

    static boolean cased(String text, boolean lower) {
        return text.codePoints().anyMatch(lower ? Character::isLowerCase : Character::isUpperCase)
                && text.codePoints().noneMatch(c -> Character.isTitleCase(c) || (lower ? Character.isUpperCase(c) : Character.isLowerCase(c)));
    }

    private interface Result {
        Object get();
    }

    private static Callable none(String name, Result result) {
        return arguments -> {
            arguments.exactly(name, 0);
            return result.get();
        };
    }

    private static Callable all(String name, String text, IntPredicate test) {
        return none(name, () -> !text.isEmpty() && text.codePoints().allMatch(test));
    }

    private static String one(Arguments arguments, String name) {
        return Arguments.text(name, arguments.exactly(name, 1, "value")[0]);
    }

    private static String strip(String text, Arguments arguments, String name, boolean left, boolean right) {
        Object characters = Arguments.or(arguments.exactly(name, 0, "chars")[0], null);
        return PythonText.strip(text, characters == null ? null : Arguments.text(name, characters), left, right);
    }

    private static Object affix(String text, Arguments arguments, String name, boolean start) {
        Object[] values = arguments.exactly(name, 1, "value", "start", "end");
        Object part = Attributes.slice(text, Arguments.or(values[1], null), Arguments.or(values[2], null), null);
        List<?> options = values[0] instanceof PythonTuple tuple ? tuple : java.util.Collections.singletonList(values[0]);
        boolean found = false;
        for (Object option : options) {
            String affix = Arguments.text(name, option);
            found |= start ? ((String) part).startsWith(affix) : ((String) part).endsWith(affix);
        }
        return found;
    }

    private static Object split(String text, Arguments arguments, String name, boolean fromRight) {
        Object[] values = arguments.bind(name, "sep", "maxsplit");
        Object separator = Arguments.or(values[0], null);
        if ("".equals(separator)) {
            throw JinjaException.value("empty separator");
        }
        return PythonText.split(text, separator == null ? null : Arguments.text(name, separator),
                values[1] == Arguments.ABSENT ? -1 : Arguments.integer(name, values[1]), fromRight);
    }

    private static Object partition(String text, String separator, boolean fromRight) {
        if (separator.isEmpty()) {
            throw JinjaException.value("empty separator");
        }
        int at = fromRight ? text.lastIndexOf(separator) : text.indexOf(separator);
        if (at < 0) {
            return fromRight ? PythonTuple.of("", "", text) : PythonTuple.of(text, "", "");
        }
        return PythonTuple.of(text.substring(0, at), separator, text.substring(at + separator.length()));
    }

    private static Object replace(String text, Arguments arguments) {
        Object[] values = arguments.bind("replace", "old", "new", "count");
        Arguments.require("replace", values, 2, "old", "new");
        return PythonText.replace(text, Arguments.text("replace", values[0]), Arguments.text("replace", values[1]),
                values[2] == Arguments.ABSENT ? -1 : Arguments.integer("replace", values[2]));
    }

    private static Object join(String separator, Object iterable) {
        StringBuilder out = new StringBuilder();
        int index = 0;
        for (Iterator<Object> items = PythonValues.iterator(iterable); items.hasNext(); index++) {
            out.append(index > 0 ? separator : "").append(Arguments.text("join", items.next()));
        }
        return out.toString();
    }

    private static Object pad(String text, Arguments arguments, String name, int left) {
        Object[] values = arguments.exactly(name, 1, "width", "fillchar");
        String fill = Arguments.text(name, Arguments.or(values[1], " "));
        if (PythonText.length(fill) != 1) {
            throw JinjaException.type("the fill character of " + name + " must be exactly one character long");
        }
        return PythonText.pad(text, Arguments.integer(name, values[0]), fill, left);
    }

    private static Object zeroFill(String text, long width) {
        String sign = text.startsWith("-") || text.startsWith("+") ? text.substring(0, 1) : "";
        return sign + PythonText.pad(text.substring(sign.length()), width - sign.length(), "0", 2);
    }
}
