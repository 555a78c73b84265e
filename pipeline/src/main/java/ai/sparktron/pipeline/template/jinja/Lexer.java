package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import ai.sparktron.pipeline.template.jinja.Token.Type;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Template text to tokens with the white-space rules that chat templates are written for: {@code trim_blocks} (one line break after a block tag
 * or comment goes), {@code lstrip_blocks} (blanks before a block tag at the start of a line go), {@code -} (all white space on that side goes),
 * {@code +} (nothing goes), and one line break at the very end goes.
 */
final class Lexer {

    private static final List<String> OPERATORS = List.of("//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")",
            "{", "}", ">", "<", "=", ".", ":", "|", ",", ";");
    private static final Pattern FLOAT = Pattern.compile("(\\d+_)*\\d+((\\.(\\d+_)*\\d+)?[eE][+\\-]?(\\d+_)*\\d+|\\.(\\d+_)*\\d+)");
    private static final Pattern INTEGER = Pattern.compile("0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[0-9a-fA-F])+|[1-9](_?\\d)*|0(_?0)*");
    private static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N}_\\p{M}]+");
    private static final Pattern RAW = Pattern.compile("\\{%[-+]?\\s*raw\\s*(-%\\}\\s*|%\\})", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern END_RAW = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*(\\+%\\}|-%\\}\\s*|%\\}\\n?)", Pattern.UNICODE_CHARACTER_CLASS);

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private boolean lineStarts = true;

    private int countedTo;
    private int countedLine = 1;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String unified = template.replace("\r\n", "\n").replace('\r', '\n');
        Lexer lexer = new Lexer(unified.endsWith("\n") ? unified.substring(0, unified.length() - 1) : unified);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        while (position < source.length()) {
            int tag = nextTag(position);
            if (tag < 0) {
                data(source.substring(position), position);
                position = source.length();
                break;
            }
            char kind = source.charAt(tag + 1);
            char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
            String text = before(source.substring(position, tag), sign, kind != '{');
            data(text, position);
            Matcher raw = RAW.matcher(source).region(tag, source.length());
            if (kind == '#') {
                comment(tag);
            } else if (kind == '%' && raw.lookingAt()) {
                raw(raw.end(), tag);
            } else {
                tag(tag, kind, sign);
            }
        }
        add(Type.END, "", null, source.length());
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '%' || next == '{' || next == '#') {
                return i;
            }
        }
        return -1;
    }

    /** The literal text before a tag, without what the tag's sign or {@code lstrip_blocks} takes. */
    private String before(String text, char sign, boolean stripsLine) {
        if (sign == '-') {
            return PythonText.strip(text, null, false, true);
        }
        int line = text.lastIndexOf('\n') + 1;
        if (sign != '+' && stripsLine && (line > 0 || lineStarts)
                && PythonText.strip(text.substring(line), null, true, true).isEmpty()) {
            return text.substring(0, line);
        }
        return text;
    }

    private void comment(int tag) {
        int end = source.indexOf("#}", tag + 2);
        if (end < 0) {
            throw error("the comment that starts here is never closed: expected '#}'", tag);
        }
        char sign = end > tag + 2 ? source.charAt(end - 1) : ' ';
        afterTag(end + 2, sign, true);
    }

    private void raw(int from, int tag) {
        Matcher end = END_RAW.matcher(source);
        if (!end.find(from)) {
            throw error("the raw block that starts here is never closed: expected '{% endraw %}'", tag);
        }
        lineStarts = source.charAt(from - 1) == '\n';
        String sign = end.group(1);
        data(before(source.substring(from, end.start()), sign.isEmpty() ? ' ' : sign.charAt(0), true), from);
        position = end.end();
        lineStarts = source.charAt(position - 1) == '\n';
    }

    private void tag(int tag, char kind, char sign) {
        boolean block = kind == '%';
        String close = block ? "%}" : "}}";
        add(block ? Type.BLOCK_BEGIN : Type.VARIABLE_BEGIN, source.substring(tag, tag + 2), null, tag);
        position = tag + 2 + (sign == '-' || sign == '+' ? 1 : 0);
        Deque<String> open = new ArrayDeque<>();
        while (true) {
            if (position >= source.length()) {
                throw error("the tag that starts here is never closed: expected '" + close + "'", tag);
            }
            char c = source.charAt(position);
            boolean signed = c == '-' || c == '+' && block;
            if (open.isEmpty() && source.startsWith(close, signed ? position + 1 : position)) {
                add(block ? Type.BLOCK_END : Type.VARIABLE_END, close, null, position);
                afterTag(position + close.length() + (signed ? 1 : 0), signed ? c : ' ', block);
                return;
            }
            if (PythonText.isSpace(c)) {
                position++;
            } else {
                word(open);
            }
        }
    }

    /** Moves behind a tag that ended at {@code end}, swallowing what follows as its sign and {@code trim_blocks} say. */
    private void afterTag(int end, char sign, boolean trims) {
        position = end;
        if (sign == '-') {
            while (position < source.length() && PythonText.isSpace(source.charAt(position))) {
                position++;
            }
        } else if (trims && sign != '+' && position < source.length() && source.charAt(position) == '\n') {
            position++;
        }
        lineStarts = source.charAt(position - 1) == '\n';
    }

    private void word(Deque<String> open) {
        char c = source.charAt(position);
        if (c == '\'' || c == '"') {
            string(c);
            return;
        }
        Matcher number = FLOAT.matcher(source).region(position, source.length());
        if (number.lookingAt() && (position == 0 || source.charAt(position - 1) != '.')) {
            add(Type.NUMBER, number.group(), Double.valueOf(number.group().replace("_", "")), position);
            position = number.end();
            return;
        }
        Matcher integer = INTEGER.matcher(source).region(position, source.length());
        if (integer.lookingAt()) {
            add(Type.NUMBER, integer.group(), integer(integer.group().replace("_", "")), position);
            position = integer.end();
            return;
        }
        Matcher name = NAME.matcher(source).region(position, source.length());
        if (name.lookingAt()) {
            String text = name.group();
            if (!Character.isUnicodeIdentifierStart(text.codePointAt(0)) && text.charAt(0) != '_') {
                throw error("invalid character '" + text + "' in a tag", position);
            }
            add(Type.NAME, text, null, position);
            position = name.end();
            return;
        }
        operator(open);
    }

    private static Object integer(String digits) {
        String lower = digits.toLowerCase(java.util.Locale.ROOT);
        int base = lower.startsWith("0x") ? 16 : lower.startsWith("0o") ? 8 : lower.startsWith("0b") ? 2 : 10;
        return PythonNumbers.narrow(new BigInteger(base == 10 ? lower : lower.substring(2), base));
    }

    private void operator(Deque<String> open) {
        String operator = OPERATORS.stream().filter(candidate -> source.startsWith(candidate, position)).findFirst().orElseThrow(() ->
                error("unexpected character '" + source.substring(position, source.offsetByCodePoints(position, 1)) + "' in a tag", position));
        switch (operator) {
            case "(" -> open.push(")");
            case "[" -> open.push("]");
            case "{" -> open.push("}");
            case ")", "]", "}" -> {
                String expected = open.poll();
                if (!operator.equals(expected)) {
                    throw error("unexpected '" + operator + "'" + (expected == null ? "" : ": expected '" + expected + "'"), position);
                }
            }
            default -> { }
        }
        add(Type.OPERATOR, operator, null, position);
        position += operator.length();
    }

    private void string(char quote) {
        int end = position + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw error("the text that starts here is never closed: expected " + quote, position);
        }
        try {
            add(Type.STRING, StringEscapes.resolve(source.substring(position + 1, end)), null, position);
        } catch (IllegalArgumentException e) {
            throw error(e.getMessage(), position);
        }
        position = end + 1;
    }

    private void data(String text, int at) {
        if (!text.isEmpty()) {
            add(Type.DATA, text, null, at);
        }
    }

    private void add(Type type, String text, Object value, int at) {
        tokens.add(new Token(type, text, value, line(at)));
    }

    private int line(int at) {
        for (; countedTo < at; countedTo++) {
            countedLine += source.charAt(countedTo) == '\n' ? 1 : 0;
        }
        return countedLine;
    }

    private JinjaException error(String message, int at) {
        int line = 1 + (int) source.substring(0, at).chars().filter(c -> c == '\n').count();
        return new JinjaException(Kind.SYNTAX, message, line, null);
    }
}
