package ai.sparktron.pipeline.tokenize;

import static ai.sparktron.pipeline.tokenize.UnicodeClasses.LETTER;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.NEWLINE;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.NUMBER;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.SPACE;

/**
 * The split of cl100k, Qwen2, Qwen3 (one digit) and Llama 3 (up to three digits):
 * <pre>
 * (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * </pre>
 *
 * @param maxDigits how many numbers form one word
 */
record ContractionWordScanner(int maxDigits) implements WordScanner {

    @Override
    public int wordEnd(byte[] text, int start, int end) {
        int bits = UnicodeClasses.bitsAt(text, start);
        int next = start + Utf8.lengthOf(text[start]);
        if ((bits & LETTER) != 0) {
            return lettersEnd(text, next, end);
        }
        if (text[start] == '\'') {
            int contractionEnd = contractionEnd(text, next, end);
            if (contractionEnd > 0) {
                return contractionEnd;
            }
        }
        if ((bits & NUMBER) != 0) {
            return numbersEnd(text, next, end);
        }
        int nextBits = next < end ? UnicodeClasses.bitsAt(text, next) : SPACE;
        if ((nextBits & LETTER) != 0 && (bits & NEWLINE) == 0) {
            return lettersEnd(text, next, end);
        }
        if ((bits & SPACE) == 0) {
            return othersEnd(text, next, end);
        }
        return text[start] == ' ' && (nextBits & (SPACE | LETTER | NUMBER)) == 0 ? othersEnd(text, next, end) : spacesEnd(text, start, end);
    }

    /** End of {@code s t re ve m ll d} in any case after an apostrophe, or -1. U+017F (long s) folds to s. */
    static int contractionEnd(byte[] text, int at, int end) {
        if (at >= end) {
            return -1;
        }
        int first = text[at] | 0x20;
        if (first == 's' || first == 't' || first == 'm' || first == 'd') {
            return at + 1;
        }
        if (at + 1 >= end) {
            return -1;
        }
        int second = text[at + 1] | 0x20;
        boolean two = second == 'e' && (first == 'r' || first == 'v') || second == 'l' && first == 'l';
        boolean longS = text[at] == (byte) 0xC5 && text[at + 1] == (byte) 0xBF;
        return two || longS ? at + 2 : -1;
    }

    private static int lettersEnd(byte[] text, int from, int end) {
        int at = from;
        while (at < end && (UnicodeClasses.bitsAt(text, at) & LETTER) != 0) {
            at += Utf8.lengthOf(text[at]);
        }
        return at;
    }

    private int numbersEnd(byte[] text, int from, int end) {
        int at = from;
        for (int count = 1; count < maxDigits && at < end && (UnicodeClasses.bitsAt(text, at) & NUMBER) != 0; count++) {
            at += Utf8.lengthOf(text[at]);
        }
        return at;
    }

    private static int othersEnd(byte[] text, int from, int end) {
        int at = from;
        while (at < end && (UnicodeClasses.bitsAt(text, at) & (SPACE | LETTER | NUMBER)) == 0) {
            at += Utf8.lengthOf(text[at]);
        }
        while (at < end && (text[at] == '\r' || text[at] == '\n')) {
            at++;
        }
        return at;
    }

    /**
     * A run of white space: up to its last newline if it has one; else all of it before the end of the text; else all but the last character,
     * which belongs to what follows, but at least one.
     */
    static int spacesEnd(byte[] text, int start, int end) {
        int at = start;
        int afterNewline = -1;
        int last = start;
        while (at < end) {
            int bits = UnicodeClasses.bitsAt(text, at);
            if ((bits & SPACE) == 0) {
                break;
            }
            last = at;
            at += Utf8.lengthOf(text[at]);
            if ((bits & NEWLINE) != 0) {
                afterNewline = at;
            }
        }
        if (afterNewline > 0) {
            return afterNewline;
        }
        return at == end || last == start ? at : last;
    }
}
