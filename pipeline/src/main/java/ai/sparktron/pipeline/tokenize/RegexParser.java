package ai.sparktron.pipeline.tokenize;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Reads the regular expressions of pre-tokenizers: Oniguruma's syntax as far as tokenizers use it. What is not known is refused with its place, never
 * guessed: a wrong split gives wrong ids silently.
 */
final class RegexParser {
    private static final int END = -1;

    private final String expression;
    private final String where;
    private int at;
    private boolean isAnyCase;
    private boolean dotTakesNewline;

    private RegexParser(String expression, String where) {
        this.expression = expression;
        this.where = where;
    }

    /** @param where the file, for messages */
    static RegexNode parse(String expression, String where) {
        RegexParser parser = new RegexParser(expression, where);
        RegexNode node = parser.choice();
        if (parser.peek() != END) {
            throw parser.refused("a closing bracket without an opening one");
        }
        return node;
    }

    private RegexNode choice() {
        boolean caseBefore = isAnyCase;
        List<RegexNode> options = new ArrayList<>();
        options.add(sequence());
        while (peek() == '|') {
            at++;
            options.add(sequence());
        }
        isAnyCase = caseBefore;
        return options.size() == 1 ? options.get(0) : new RegexNode.Choice(options);
    }

    private RegexNode sequence() {
        List<RegexNode> parts = new ArrayList<>();
        while (peek() != END && peek() != '|' && peek() != ')') {
            RegexNode atom = atom();
            parts.add(atom == null ? new RegexNode.Sequence(List.of()) : repeated(atom));
        }
        return parts.size() == 1 ? parts.get(0) : new RegexNode.Sequence(parts);
    }

    private RegexNode repeated(RegexNode atom) {
        RegexNode node = atom;
        while (true) {
            int min;
            int max = Integer.MAX_VALUE;
            boolean isInterval = false;
            switch (peek()) {
                case '*' -> min = 0;
                case '+' -> min = 1;
                case '?' -> {
                    min = 0;
                    max = 1;
                }
                case '{' -> {
                    int[] interval = interval();
                    if (interval == null) {
                        return node;
                    }
                    min = interval[0];
                    max = interval[1];
                    isInterval = true;
                }
                default -> {
                    return node;
                }
            }
            at++;
            RegexNode.Mode mode = RegexNode.Mode.GREEDY;
            if (peek() == '?') {
                at++;
                mode = RegexNode.Mode.LAZY;
            } else if (peek() == '+' && !isInterval) {
                at++;
                mode = RegexNode.Mode.POSSESSIVE;
            }
            node = new RegexNode.Repeat(node, min, max, mode);
        }
    }

    /** {@code {n}}, {@code {n,}}, {@code {,m}} or {@code {n,m}}, leaving the place at its last character; null when it is plain text. */
    private int[] interval() {
        int close = expression.indexOf('}', at);
        String inside = close < 0 ? "" : expression.substring(at + 1, close);
        if (!inside.matches("\\d+(,\\d*)?|,\\d+")) {
            return null;
        }
        String[] bounds = inside.split(",", -1);
        int min = bounds[0].isEmpty() ? 0 : Integer.parseInt(bounds[0]);
        int max = bounds.length == 1 ? min : bounds[1].isEmpty() ? Integer.MAX_VALUE : Integer.parseInt(bounds[1]);
        at = close;
        return new int[] {min, max};
    }

    /** One element, or null for an option such as {@code (?i)}. */
    private RegexNode atom() {
        int c = take();
        return switch (c) {
            case '(' -> group();
            case '[' -> new RegexNode.One(characterClass());
            case '.' -> new RegexNode.One(CodePoints.where(codePoint -> codePoint != '\n' || dotTakesNewline));
            case '^' -> new RegexNode.Anchor(RegexNode.Place.LINE_START);
            case '$' -> new RegexNode.Anchor(RegexNode.Place.LINE_END);
            case '\\' -> escaped();
            case '*', '+', '?' -> throw refused("a repetition of nothing");
            default -> literal(c);
        };
    }

    private RegexNode literal(int codePoint) {
        BitSet set = CodePoints.one(codePoint);
        return new RegexNode.One(isAnyCase ? CodePoints.anyCase(set) : set);
    }

    private RegexNode group() {
        if (peek() != '?') {
            return closed(choice());
        }
        at++;
        int kind = take();
        switch (kind) {
            case ':':
                return closed(choice());
            case '>':
                return new RegexNode.Atomic(closed(choice()));
            case '=':
                return new RegexNode.Look(closed(choice()), true, false);
            case '!':
                return new RegexNode.Look(closed(choice()), true, true);
            case '<':
                return lookBehind();
            default:
                at--;
                return optionGroup();
        }
    }

    private RegexNode lookBehind() {
        int kind = take();
        if (kind != '=' && kind != '!') {
            throw refused("a named group");
        }
        RegexNode body = closed(choice());
        if (RegexNode.width(body) < 0) {
            throw refused("a look behind of varying length");
        }
        return new RegexNode.Look(body, false, kind == '!');
    }

    /** {@code (?i:...)} or {@code (?i)}, which holds to the end of the group around it. */
    private RegexNode optionGroup() {
        boolean on = true;
        boolean caseBefore = isAnyCase;
        boolean dotBefore = dotTakesNewline;
        while (true) {
            int option = take();
            switch (option) {
                case '-' -> on = false;
                case 'i' -> isAnyCase = on;
                case 'm' -> dotTakesNewline = on;
                case ':' -> {
                    RegexNode body = closed(choice());
                    isAnyCase = caseBefore;
                    dotTakesNewline = dotBefore;
                    return body;
                }
                case ')' -> {
                    return null;
                }
                default -> throw refused("the option " + Character.toString(option));
            }
        }
    }

    private RegexNode closed(RegexNode body) {
        if (take() != ')') {
            throw refused("a group that is not closed");
        }
        return body;
    }

    private RegexNode escaped() {
        int c = peek();
        switch (c) {
            case 'A':
                at++;
                return new RegexNode.Anchor(RegexNode.Place.START);
            case 'z':
                at++;
                return new RegexNode.Anchor(RegexNode.Place.END);
            case 'Z':
                at++;
                return new RegexNode.Anchor(RegexNode.Place.BEFORE_LAST_NEWLINE);
            case 'b':
                at++;
                return new RegexNode.Anchor(RegexNode.Place.WORD_BORDER);
            case 'B':
                at++;
                return new RegexNode.Anchor(RegexNode.Place.NO_WORD_BORDER);
            default:
                BitSet set = escapedSet();
                return new RegexNode.One(isAnyCase ? CodePoints.anyCase(set) : set);
        }
    }

    /** The set of an escape, after the backslash, outside or inside a class. */
    private BitSet escapedSet() {
        int c = take();
        return switch (c) {
            case 's' -> CodePoints.space();
            case 'S' -> CodePoints.complement(CodePoints.space());
            case 'd' -> CodePoints.digit();
            case 'D' -> CodePoints.complement(CodePoints.digit());
            case 'w' -> CodePoints.word();
            case 'W' -> CodePoints.complement(CodePoints.word());
            case 'p' -> property(false);
            case 'P' -> property(true);
            case 'n' -> CodePoints.one('\n');
            case 'r' -> CodePoints.one('\r');
            case 't' -> CodePoints.one('\t');
            case 'f' -> CodePoints.one('\f');
            case 'v' -> CodePoints.one(0x0B);
            case 'a' -> CodePoints.one(0x07);
            case 'e' -> CodePoints.one(0x1B);
            case 'x' -> CodePoints.one(peek() == '{' ? hexInBraces() : hex(2));
            case 'u' -> CodePoints.one(hex(4));
            default -> {
                if (c == END || c < 128 && Character.isLetterOrDigit(c)) {
                    throw refused("the escape \\" + (c == END ? "" : Character.toString(c)));
                }
                yield CodePoints.one(c);
            }
        };
    }

    private BitSet property(boolean isNegated) {
        if (take() != '{') {
            throw refused("\\p without braces");
        }
        int close = expression.indexOf('}', at);
        String name = close < 0 ? "" : expression.substring(at, close);
        boolean hasCaret = name.startsWith("^");
        BitSet set = CodePoints.property(hasCaret ? name.substring(1) : name);
        if (set == null) {
            throw refused("the property \\p{" + name + "}");
        }
        at = close + 1;
        return isNegated != hasCaret ? CodePoints.complement(set) : set;
    }

    private int hexInBraces() {
        int close = expression.indexOf('}', at);
        if (close < 0) {
            throw refused("\\x{ without its end");
        }
        int value = Integer.parseInt(expression.substring(at + 1, close), 16);
        at = close + 1;
        return value;
    }

    private int hex(int digits) {
        if (at + digits > expression.length()) {
            throw refused("an escape that is cut off");
        }
        int value = Integer.parseInt(expression.substring(at, at + digits), 16);
        at += digits;
        return value;
    }

    /** After the opening bracket: members and ranges, nested classes, intersections by {@code &&}. */
    private BitSet characterClass() {
        boolean isNegated = peek() == '^';
        at += isNegated ? 1 : 0;
        BitSet result = null;
        BitSet current = new BitSet();
        boolean isFirst = true;
        while (peek() != ']' || isFirst) {
            if (peek() == END) {
                throw refused("a class that is not closed");
            }
            if (peek() == '&' && expression.startsWith("&&", at)) {
                at += 2;
                result = intersected(result, current);
                current = new BitSet();
            } else {
                addMember(current);
            }
            isFirst = false;
        }
        at++;
        result = intersected(result, current);
        BitSet set = isAnyCase ? CodePoints.anyCase(result) : result;
        return isNegated ? CodePoints.complement(set) : set;
    }

    private static BitSet intersected(BitSet before, BitSet current) {
        if (before != null) {
            current.and(before);
        }
        return current;
    }

    private void addMember(BitSet members) {
        if (expression.startsWith("[:", at)) {
            throw refused("a POSIX bracket");
        }
        int c = take();
        if (c == '[') {
            members.or(characterClass());
            return;
        }
        BitSet set = c == '\\' ? escapedSet() : CodePoints.one(c);
        boolean isRange = peek() == '-' && at + 1 < expression.length() && expression.charAt(at + 1) != ']';
        if (!isRange || set.cardinality() != 1) {
            members.or(set);
            return;
        }
        at++;
        int last = take();
        BitSet end = last == '\\' ? escapedSet() : CodePoints.one(last);
        int from = set.nextSetBit(0);
        int to = end.nextSetBit(0);
        if (end.cardinality() != 1 || to < from) {
            throw refused("a range without an end or from high to low");
        }
        members.set(from, to + 1);
    }

    private int peek() {
        return at < expression.length() ? expression.codePointAt(at) : END;
    }

    private int take() {
        int c = peek();
        at += c == END ? 0 : Character.charCount(c);
        return c;
    }

    private IllegalArgumentException refused(String what) {
        return new IllegalArgumentException(where + ": the regular expression " + expression + " has " + what + " at character " + at
                + ", which is not supported; this tokenizer cannot be used");
    }
}
