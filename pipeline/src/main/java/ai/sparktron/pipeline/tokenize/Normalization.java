package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Unicode normalization forms as of Unicode 9, which is what Hugging Face's tokenizers use whatever the rest of them knows: a mark that came later
 * (U+1DF8) keeps its place. {@code java.text.Normalizer} follows the Java version instead. {@code src/tools/NormalizationGenerator.java} writes the
 * table.
 */
final class Normalization {
    private static final int HANGUL = 0xAC00;
    private static final int HANGUL_COUNT = 11172;
    private static final int LEAD = 0x1100;
    private static final int LEADS = 19;
    private static final int VOWEL = 0x1161;
    private static final int VOWELS = 21;
    private static final int TAIL = 0x11A7;
    private static final int TAILS = 28;

    /** Place of a mark's combining class in the order of classes; absent = a starter. */
    private static final Map<Integer, Integer> ORDER = new HashMap<>();
    private static final Map<Integer, int[]> CANONICAL = new HashMap<>();
    private static final Map<Integer, int[]> COMPATIBLE = new HashMap<>();
    /** First and second character, 21 bits each, to what they compose to. */
    private static final Map<Long, Integer> COMPOSED = new HashMap<>();
    private static final BitSet MARKS = new BitSet();

    static {
        new Table().read();
    }

    private Normalization() { }

    /** Whether Unicode 9 knows the character as a mark. */
    static boolean isMark(int codePoint) {
        return MARKS.get(codePoint);
    }

    static String nfc(String text) {
        return text(composed(ordered(decomposed(text, false))));
    }

    static String nfd(String text) {
        return text(ordered(decomposed(text, false)));
    }

    static String nfkc(String text) {
        return text(composed(ordered(decomposed(text, true))));
    }

    static String nfkd(String text) {
        return text(ordered(decomposed(text, true)));
    }

    private static String text(int[] codePoints) {
        return new String(codePoints, 0, codePoints.length);
    }

    private static int[] decomposed(String text, boolean isCompatible) {
        int[] result = new int[text.length() + 16];
        int length = 0;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int codePoint = text.codePointAt(i);
            int[] parts = parts(codePoint, isCompatible);
            if (result.length < length + parts.length) {
                result = Arrays.copyOf(result, result.length * 2);
            }
            System.arraycopy(parts, 0, result, length, parts.length);
            length += parts.length;
        }
        return Arrays.copyOf(result, length);
    }

    private static int[] parts(int codePoint, boolean isCompatible) {
        int syllable = codePoint - HANGUL;
        if (syllable >= 0 && syllable < HANGUL_COUNT) {
            int lead = LEAD + syllable / (VOWELS * TAILS);
            int vowel = VOWEL + syllable / TAILS % VOWELS;
            return syllable % TAILS == 0 ? new int[] {lead, vowel} : new int[] {lead, vowel, TAIL + syllable % TAILS};
        }
        int[] parts = codePoint < 0xA0 ? null : isCompatible && COMPATIBLE.containsKey(codePoint) ? COMPATIBLE.get(codePoint)
                : CANONICAL.get(codePoint);
        return parts == null ? new int[] {codePoint} : parts;
    }

    /** Sorts each run of marks by class, keeping the order of equals. */
    private static int[] ordered(int[] text) {
        int at = 0;
        while (at < text.length) {
            int start = at;
            while (at < text.length && orderOf(text[at]) > 0) {
                at++;
            }
            if (at - start > 1) {
                sortMarks(text, start, at);
            }
            at = Math.max(at, start + 1);
        }
        return text;
    }

    private static void sortMarks(int[] text, int start, int end) {
        long[] byOrderAndPlace = new long[end - start];
        for (int i = 0; i < byOrderAndPlace.length; i++) {
            byOrderAndPlace[i] = (long) orderOf(text[start + i]) << 32 | i;
        }
        int[] marks = Arrays.copyOfRange(text, start, end);
        Arrays.sort(byOrderAndPlace);
        for (int i = 0; i < marks.length; i++) {
            text[start + i] = marks[(int) byOrderAndPlace[i]];
        }
    }

    private static int orderOf(int codePoint) {
        return codePoint < 0x300 ? 0 : ORDER.getOrDefault(codePoint, 0);
    }

    /** Joins each character with the last starter before it unless something between them blocks it. */
    private static int[] composed(int[] text) {
        int length = 0;
        int starter = -1;
        int lastOrder = 0;
        for (int codePoint : text) {
            int order = orderOf(codePoint);
            boolean isAdjacent = starter == length - 1;
            int joined = starter >= 0 && (isAdjacent || lastOrder != 0 && lastOrder < order) ? pair(text[starter], codePoint) : -1;
            if (joined >= 0) {
                text[starter] = joined;
                continue;
            }
            if (order == 0) {
                starter = length;
            }
            lastOrder = order;
            text[length++] = codePoint;
        }
        return Arrays.copyOf(text, length);
    }

    /** What two characters compose to, or -1. */
    private static int pair(int first, int second) {
        int lead = first - LEAD;
        int vowel = second - VOWEL;
        if (lead >= 0 && lead < LEADS && vowel >= 0 && vowel < VOWELS) {
            return HANGUL + (lead * VOWELS + vowel) * TAILS;
        }
        int syllable = first - HANGUL;
        int tail = second - TAIL;
        if (syllable >= 0 && syllable < HANGUL_COUNT && syllable % TAILS == 0 && tail > 0 && tail < TAILS) {
            return first + tail;
        }
        return COMPOSED.getOrDefault((long) first << 21 | second, -1);
    }

    /** Reads the resource. */
    private static final class Table {
        private final Varints file = new Varints("normalization-9.0.bin", "sparktron.normalization 1 9.0\n");

        void read() {
            int codePoint = 0;
            for (int left = file.nextVarint(); left > 0; left--) {
                codePoint += file.nextVarint();
                ORDER.put(codePoint, file.nextVarint());
            }
            Map<String, Integer> wholes = new HashMap<>();
            codePoint = 0;
            for (int left = file.nextVarint(); left > 0; left--) {
                codePoint += file.nextVarint();
                boolean isComposed = file.nextVarint() == 1;
                CANONICAL.put(codePoint, parts());
                if (isComposed) {
                    wholes.put(text(CANONICAL.get(codePoint)), codePoint);
                }
            }
            wholes.forEach((parts, whole) -> putPair(parts, whole, wholes));
            codePoint = 0;
            for (int left = file.nextVarint(); left > 0; left--) {
                codePoint += file.nextVarint();
                COMPATIBLE.put(codePoint, parts());
            }
            codePoint = 0;
            for (int left = file.nextVarint(); left > 0; left--) {
                codePoint += file.nextVarint();
                MARKS.set(codePoint);
            }
        }

        /** The first of a pair is what all parts but the last compose to. */
        private static void putPair(String parts, int whole, Map<String, Integer> wholes) {
            int last = parts.codePointBefore(parts.length());
            String before = parts.substring(0, parts.length() - Character.charCount(last));
            int first = before.codePointCount(0, before.length()) == 1 ? before.codePointAt(0) : wholes.get(before);
            COMPOSED.put((long) first << 21 | last, whole);
        }

        private int[] parts() {
            int[] parts = new int[file.nextVarint()];
            for (int i = 0; i < parts.length; i++) {
                parts[i] = file.nextVarint();
            }
            return parts;
        }
    }
}
