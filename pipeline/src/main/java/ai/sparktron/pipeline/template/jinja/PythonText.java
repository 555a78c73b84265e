package ai.sparktron.pipeline.template.jinja;

import java.util.ArrayList;
import java.util.List;

/** Strings as Python sees them: sequences of code points, with Python's idea of white space, line breaks and case. */
final class PythonText {

    private PythonText() {
    }

    /** {@code str.isspace} for one character; all of Python's white space lies in the basic plane. */
    static boolean isSpace(int c) {
        return c >= 9 && c <= 13 || c >= 28 && c <= 32 || c == 0x85 || c == 0xa0 || c == 0x1680 || c >= 0x2000 && c <= 0x200a
                || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
    }

    private static boolean isLineBreak(int c) {
        return c >= 10 && c <= 13 || c >= 28 && c <= 30 || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    static boolean hasSurrogates(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                return true;
            }
        }
        return false;
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** {@code text[index]} for an index in range. */
    static String at(String text, int index) {
        int from = offset(text, index);
        return text.substring(from, text.offsetByCodePoints(from, 1));
    }

    /** Offset in chars of a code point index. */
    static int offset(String text, int index) {
        return hasSurrogates(text) ? text.offsetByCodePoints(0, index) : index;
    }

    static List<Object> characters(String text) {
        List<Object> characters = new ArrayList<>(text.length());
        for (int i = 0; i < text.length(); ) {
            int next = text.offsetByCodePoints(i, 1);
            characters.add(text.substring(i, next));
            i = next;
        }
        return characters;
    }

    static String slice(String text, int start, int step, int count) {
        if (step == 1) {
            int from = offset(text, start);
            return text.substring(from, hasSurrogates(text) ? text.offsetByCodePoints(from, count) : from + count);
        }
        int[] points = text.codePoints().toArray();
        StringBuilder out = new StringBuilder(count);
        for (int i = 0; i < count; i++) {
            out.appendCodePoint(points[start + i * step]);
        }
        return out.toString();
    }

    /** @param characters what to strip, or null for white space */
    static String strip(String text, String characters, boolean left, boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && strips(text.codePointAt(from), characters)) {
            from += Character.charCount(text.codePointAt(from));
        }
        while (right && to > from && strips(text.codePointBefore(to), characters)) {
            to -= Character.charCount(text.codePointBefore(to));
        }
        return text.substring(from, to);
    }

    private static boolean strips(int c, String characters) {
        return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
    }

    /** {@code str.split} and {@code str.rsplit}. @param separator null = runs of white space; @param limit -1 = none */
    static List<Object> split(String text, String separator, long limit, boolean fromRight) {
        List<Object> parts = new ArrayList<>();
        if (separator == null) {
            splitSpaces(text, limit, fromRight, parts);
        } else if (fromRight) {
            int end = text.length();
            for (int at = text.lastIndexOf(separator); at >= 0 && limit != 0; limit--) {
                parts.add(0, text.substring(at + separator.length(), end));
                end = at;
                at = at < separator.length() ? -1 : text.lastIndexOf(separator, at - separator.length());
            }
            parts.add(0, text.substring(0, end));
        } else {
            int start = 0;
            for (int at = text.indexOf(separator); at >= 0 && limit != 0; limit--, at = text.indexOf(separator, start)) {
                parts.add(text.substring(start, at));
                start = at + separator.length();
            }
            parts.add(text.substring(start));
        }
        return parts;
    }

    private static void splitSpaces(String text, long limit, boolean fromRight, List<Object> parts) {
        String rest = strip(text, null, !fromRight, fromRight);
        while (!rest.isEmpty() && limit != 0) {
            int at = fromRight ? rest.length() : 0;
            while (fromRight ? at > 0 && !isSpace(rest.charAt(at - 1)) : at < rest.length() && !isSpace(rest.charAt(at))) {
                at += fromRight ? -1 : 1;
            }
            parts.add(fromRight ? 0 : parts.size(), fromRight ? rest.substring(at) : rest.substring(0, at));
            rest = strip(fromRight ? rest.substring(0, at) : rest.substring(at), null, !fromRight, fromRight);
            limit--;
        }
        if (!rest.isEmpty()) {
            parts.add(fromRight ? 0 : parts.size(), rest);
        }
    }

    static List<Object> splitLines(String text, boolean keepEnds) {
        List<Object> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            if (isLineBreak(text.charAt(i))) {
                int end = text.charAt(i) == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n' ? i + 2 : i + 1;
                lines.add(text.substring(start, keepEnds ? end : i));
                start = end;
                i = end - 1;
            }
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }

    static String replace(String text, String old, String replacement, long limit) {
        if (limit < 0 && !old.isEmpty()) {
            return text.replace(old, replacement);
        }
        StringBuilder out = new StringBuilder();
        int start = 0;
        for (long left = limit; left != 0; left--) {
            int at = old.isEmpty() ? start : text.indexOf(old, start);
            if (at < 0) {
                break;
            }
            out.append(text, start, at).append(replacement);
            start = at + old.length();
            if (old.isEmpty()) {
                if (start == text.length()) {
                    break;
                }
                int next = text.offsetByCodePoints(start, 1);
                out.append(text, start, next);
                start = next;
            }
        }
        return out.append(text.substring(start)).toString();
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return title(text.codePointAt(0)) + text.substring(first).toLowerCase(java.util.Locale.ROOT);
    }

    private static String title(int c) {
        int titled = Character.toTitleCase(c);
        String upper = Character.toString(c).toUpperCase(java.util.Locale.ROOT);
        return upper.length() > Character.charCount(titled) && titled == c ? capitalizeExpanded(upper) : Character.toString(titled);
    }

    private static String capitalizeExpanded(String upper) {
        return upper.charAt(0) + upper.substring(1).toLowerCase(java.util.Locale.ROOT);
    }

    /** {@code str.title}: every letter that follows a non-letter is title-cased, all others are lower-cased. */
    static String titleCase(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            boolean cased = Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
            out.append(!cased ? Character.toString(c) : inWord ? Character.toString(c).toLowerCase(java.util.Locale.ROOT) : title(c));
            inWord = cased;
            i += Character.charCount(c);
        }
        return out.toString();
    }

    static String swapCase(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> out.append(Character.isUpperCase(c) ? Character.toString(c).toLowerCase(java.util.Locale.ROOT)
                : Character.isLowerCase(c) ? Character.toString(c).toUpperCase(java.util.Locale.ROOT) : Character.toString(c)));
        return out.toString();
    }

    /** Padding around text: {@code str.center}, {@code ljust}, {@code rjust}. @param left share of the padding on the left: 0, 1 or 2 halves */
    static String pad(String text, long width, String fill, int left) {
        int padding = (int) Math.max(0, Math.min(width, Integer.MAX_VALUE / 4) - length(text));
        int before = left == 0 ? 0 : left == 2 ? padding : padding / 2 + (padding & (int) width & 1);
        return fill.repeat(before) + text + fill.repeat(padding - before);
    }

    /** {@code repr} of a string. */
    static String repr(String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder out = new StringBuilder(text.length() + 2).append(quote);
        text.codePoints().forEach(c -> {
            if (c == quote || c == '\\') {
                out.append('\\').append((char) c);
            } else if (c == '\n' || c == '\r' || c == '\t') {
                out.append('\\').append(c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
            } else if (c < ' ' || c == 0x7f || c > 0x7f && !printable(c)) {
                out.append(c < 0x100 ? String.format("\\x%02x", c) : c < 0x10000 ? String.format("\\u%04x", c) : String.format("\\U%08x", c));
            } else {
                out.appendCodePoint(c);
            }
        });
        return out.append(quote).toString();
    }

    private static boolean printable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR, Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }

    /** Order by code points, which differs from Java's order where surrogates are involved. */
    static int compare(String a, String b) {
        int shared = Math.min(a.length(), b.length());
        for (int i = 0; i < shared; i++) {
            char x = a.charAt(i);
            char y = b.charAt(i);
            if (x != y) {
                return Character.isSurrogate(x) != Character.isSurrogate(y) ? Character.isSurrogate(x) ? 1 : -1 : Character.compare(x, y);
            }
        }
        return Integer.compare(a.length(), b.length());
    }
}
