package ai.sparktron.pipeline.template.jinja;

/** Escapes in a template's string literals, as Python's {@code unicode-escape} resolves them. */
final class StringEscapes {

    private StringEscapes() {
    }

    /** @throws IllegalArgumentException on a malformed escape */
    static String resolve(String literal) {
        if (literal.indexOf('\\') < 0) {
            return literal;
        }
        StringBuilder out = new StringBuilder(literal.length());
        int i = 0;
        while (i < literal.length()) {
            char c = literal.charAt(i++);
            if (c != '\\') {
                out.append(c);
                continue;
            }
            char escape = literal.charAt(i++);
            switch (escape) {
                case '\n' -> { }
                case '\\', '\'', '"' -> out.append(escape);
                case 'a' -> out.append('\u0007');
                case 'b' -> out.append('\b');
                case 'f' -> out.append('\f');
                case 'n' -> out.append('\n');
                case 'r' -> out.append('\r');
                case 't' -> out.append('\t');
                case 'v' -> out.append('\u000b');
                case 'x' -> i = hex(literal, i, 2, out);
                case 'u' -> i = hex(literal, i, 4, out);
                case 'U' -> i = hex(literal, i, 8, out);
                case 'N' -> i = named(literal, i, out);
                case '0', '1', '2', '3', '4', '5', '6', '7' -> i = octal(literal, i - 1, out);
                default -> out.append('\\').append(escape);
            }
        }
        return out.toString();
    }

    private static int hex(String literal, int from, int digits, StringBuilder out) {
        int end = from + digits;
        if (end > literal.length() || !literal.substring(from, end).matches("[0-9a-fA-F]+")) {
            throw new IllegalArgumentException("the escape at '\\" + literal.substring(from - 1) + "' needs " + digits + " hexadecimal digits");
        }
        long code = Long.parseLong(literal.substring(from, end), 16);
        if (code > Character.MAX_CODE_POINT) {
            throw new IllegalArgumentException("the escape '\\U" + literal.substring(from, end) + "' is beyond Unicode");
        }
        out.appendCodePoint((int) code);
        return end;
    }

    private static int octal(String literal, int from, StringBuilder out) {
        int end = from;
        int code = 0;
        while (end < literal.length() && end < from + 3 && literal.charAt(end) >= '0' && literal.charAt(end) <= '7') {
            code = code * 8 + literal.charAt(end++) - '0';
        }
        out.append((char) code);
        return end;
    }

    private static int named(String literal, int from, StringBuilder out) {
        int end = literal.indexOf('}', from);
        if (from >= literal.length() || literal.charAt(from) != '{' || end < 0) {
            throw new IllegalArgumentException("malformed \\N escape: expected \\N{name of a character}");
        }
        out.appendCodePoint(Character.codePointOf(literal.substring(from + 1, end)));
        return end + 1;
    }
}
