package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Character classes of Unicode 16, from a table of our own: Hugging Face's tokenizers use Unicode 16, a Java 17 runtime knows Unicode 13 and
 * differs on 11,130 code points, and ids must not depend on the Java version. {@code src/tools/UnicodeClassesGenerator.java} writes the table.
 */
final class UnicodeClasses {
    /** Bits of {@link #bitsOf}; a code point has at most one of the first five. */
    static final int LETTER = 1;
    static final int NUMBER = 2;
    static final int MARK = 4;
    static final int PUNCTUATION = 8;
    static final int SYMBOL = 16;
    /** Unicode White_Space: 25 code points. */
    static final int SPACE = 32;
    /** Carriage return and line feed only. */
    static final int NEWLINE = 64;
    /** May change, reorder or combine under NFC; text without such code points is NFC already. */
    static final int UNSTABLE = 128;

    private static final int CODE_POINTS = 0x110000;
    private static final int HAN = 64;
    /** One byte per code point as the generator wrote it, and the bits that the scanners test. */
    private static final byte[] TABLE;
    private static final byte[] BITS;
    private static final Map<Integer, Integer> LOWER_CASE;

    static {
        Varints file = new Varints("unicode-16.0.bin", "sparktron.unicode 1 16.0\n");
        TABLE = readClasses(file);
        LOWER_CASE = readLowerCases(file);
        BITS = bits(TABLE);
    }

    private UnicodeClasses() { }

    /** The class bits of a code point. */
    static int bitsOf(int codePoint) {
        return BITS[codePoint];
    }

    /** The general category as in {@code Character.getType}. */
    static int categoryOf(int codePoint) {
        return TABLE[codePoint] & 31;
    }

    static boolean isHan(int codePoint) {
        return (TABLE[codePoint] & HAN) != 0;
    }

    /** The lower case of one character by itself; U+0130 becomes two. */
    static String lowerCase(int codePoint) {
        return codePoint == 0x130 ? "i\u0307" : Character.toString(LOWER_CASE.getOrDefault(codePoint, codePoint));
    }

    /** The class bits of the character that starts at {@code text[at]} (well-formed UTF-8). */
    static int bitsAt(byte[] text, int at) {
        int lead = text[at];
        return BITS[lead >= 0 ? lead : Utf8.codePointAt(text, at)];
    }

    private static byte[] bits(byte[] table) {
        byte[] bits = new byte[CODE_POINTS];
        byte[] ofCategory = new byte[32];
        for (int category = 0; category < 32; category++) {
            ofCategory[category] = (byte) categoryBit(category);
        }
        for (int codePoint = 0; codePoint < CODE_POINTS; codePoint++) {
            bits[codePoint] = (byte) (ofCategory[table[codePoint] & 31] | table[codePoint] & (SPACE | UNSTABLE));
        }
        bits['\r'] |= NEWLINE;
        bits['\n'] |= NEWLINE;
        return bits;
    }

    private static int categoryBit(int category) {
        return switch (category) {
            case Character.UPPERCASE_LETTER, Character.LOWERCASE_LETTER, Character.TITLECASE_LETTER, Character.MODIFIER_LETTER,
                    Character.OTHER_LETTER -> LETTER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
            case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.COMBINING_SPACING_MARK -> MARK;
            case Character.DASH_PUNCTUATION, Character.START_PUNCTUATION, Character.END_PUNCTUATION, Character.CONNECTOR_PUNCTUATION,
                    Character.OTHER_PUNCTUATION, Character.INITIAL_QUOTE_PUNCTUATION, Character.FINAL_QUOTE_PUNCTUATION -> PUNCTUATION;
            case Character.MATH_SYMBOL, Character.CURRENCY_SYMBOL, Character.MODIFIER_SYMBOL, Character.OTHER_SYMBOL -> SYMBOL;
            default -> 0;
        };
    }

    private static byte[] readClasses(Varints file) {
        byte[] table = new byte[CODE_POINTS];
        int codePoint = 0;
        while (codePoint < CODE_POINTS) {
            byte value = file.next();
            int run = file.nextVarint();
            Arrays.fill(table, codePoint, codePoint + run, value);
            codePoint += run;
        }
        return table;
    }

    private static Map<Integer, Integer> readLowerCases(Varints file) {
        Map<Integer, Integer> lowerCases = new HashMap<>();
        int codePoint = 0;
        for (int left = file.nextVarint(); left > 0; left--) {
            codePoint += file.nextVarint();
            lowerCases.put(codePoint, file.nextVarint());
        }
        return lowerCases;
    }
}
