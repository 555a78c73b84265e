package ai.sparktron.pipeline.tokenize;

import static ai.sparktron.pipeline.tokenize.UnicodeClasses.LETTER;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.MARK;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.NEWLINE;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.NUMBER;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.PUNCTUATION;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.SPACE;
import static ai.sparktron.pipeline.tokenize.UnicodeClasses.SYMBOL;

/**
 * DeepSeek-V3's three splits, one after the other:
 * <pre>
 * \p{N}{1,3}
 * [一-龥぀-ゟ゠-ヿ]+
 * [!"#$%&'()*+,\-./:;&lt;=&gt;?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * </pre>
 * Each cuts the pieces of the one before. So to the third the text ends at a number and where a run of ideographs begins or ends, for look-ahead as
 * well; numbers it leaves alone, a middle dot (U+30FB) among kana it cuts out. What it does not match (control characters, unassigned code
 * points) is a word of its own up to the next match.
 */
record DeepSeekWordScanner() implements WordScanner {
    /** What {@link #bitsAt} gives for the end of the stage's text. */
    private static final int END = 0x100;
    private static final int WORD = LETTER | MARK;
    private static final int PUNCTUATION_OR_SYMBOL = PUNCTUATION | SYMBOL;

    @Override
    public int wordEnd(byte[] text, int start, int end) {
        if ((UnicodeClasses.bitsAt(text, start) & NUMBER) != 0) {
            return numbersEnd(text, start, end);
        }
        boolean isIdeographs = isIdeograph(text, start);
        int matched = matchEnd(text, start, end, isIdeographs);
        int at = start;
        while (matched < 0) {
            at += Utf8.lengthOf(text[at]);
            matched = bitsAt(text, at, end, isIdeographs) == END || matchEnd(text, at, end, isIdeographs) >= 0 ? at : -1;
        }
        return matched;
    }

    /** End of the third expression's match at {@code start}, or -1. */
    private static int matchEnd(byte[] text, int start, int end, boolean isIdeographs) {
        int bits = bitsAt(text, start, end, isIdeographs);
        int next = start + Utf8.lengthOf(text[start]);
        int nextBits = bitsAt(text, next, end, isIdeographs);
        if (text[start] > 0 && (bits & PUNCTUATION_OR_SYMBOL) != 0 && next < end && isLatin(text[next])) {
            return latinEnd(text, next, end);
        }
        if ((bits & WORD) != 0 && (bits & LETTER) != 0) {
            return runEnd(text, next, end, WORD, isIdeographs);
        }
        boolean isLead = (bits & (NEWLINE | LETTER | PUNCTUATION_OR_SYMBOL)) == 0;
        if (isLead && (nextBits & WORD) != 0 && nextBits != END) {
            return runEnd(text, next, end, WORD, isIdeographs);
        }
        if ((bits & MARK) != 0) {
            return next;
        }
        if ((bits & PUNCTUATION_OR_SYMBOL) != 0 || text[start] == ' ' && (nextBits & PUNCTUATION_OR_SYMBOL) != 0 && nextBits != END) {
            int at = runEnd(text, next, end, PUNCTUATION_OR_SYMBOL, isIdeographs);
            while (!isIdeographs && at < end && (text[at] == '\r' || text[at] == '\n')) {
                at++;
            }
            return at;
        }
        return (bits & SPACE) != 0 ? spacesEnd(text, start, end, isIdeographs) : -1;
    }

    private static int spacesEnd(byte[] text, int start, int end, boolean isIdeographs) {
        int at = start;
        while (at < end && (UnicodeClasses.bitsAt(text, at) & SPACE) != 0) {
            at += Utf8.lengthOf(text[at]);
        }
        return ContractionWordScanner.spacesEnd(text, start, bitsAt(text, at, end, isIdeographs) == END ? at : end);
    }

    private static int runEnd(byte[] text, int from, int end, int wanted, boolean isIdeographs) {
        int at = from;
        while (true) {
            int bits = bitsAt(text, at, end, isIdeographs);
            if (bits == END || (bits & wanted) == 0) {
                return at;
            }
            at += Utf8.lengthOf(text[at]);
        }
    }

    private static int latinEnd(byte[] text, int from, int end) {
        int at = from;
        while (at < end && isLatin(text[at])) {
            at++;
        }
        return at;
    }

    private static int numbersEnd(byte[] text, int start, int end) {
        int at = start;
        for (int count = 0; count < 3 && at < end && (UnicodeClasses.bitsAt(text, at) & NUMBER) != 0; count++) {
            at += Utf8.lengthOf(text[at]);
        }
        return at;
    }

    /** Class bits, or {@link #END} at the end of the text, at a number and where ideographs begin or end. */
    private static int bitsAt(byte[] text, int at, int end, boolean isIdeographs) {
        if (at >= end) {
            return END;
        }
        int bits = UnicodeClasses.bitsAt(text, at) & 255;
        return (bits & NUMBER) != 0 || isIdeograph(text, at) != isIdeographs ? END : bits;
    }

    private static boolean isLatin(byte value) {
        int lower = value | 0x20;
        return lower >= 'a' && lower <= 'z';
    }

    /** U+4E00..U+9FA5 and U+3040..U+30FF. */
    private static boolean isIdeograph(byte[] text, int at) {
        if (text[at] > (byte) 0xE9 || text[at] < (byte) 0xE3) {
            return false;
        }
        int codePoint = Utf8.codePointAt(text, at);
        return codePoint >= 0x4E00 && codePoint <= 0x9FA5 || codePoint >= 0x3040 && codePoint <= 0x30FF;
    }
}
