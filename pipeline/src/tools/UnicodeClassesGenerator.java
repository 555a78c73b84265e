import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Writes the table of character classes that {@code ai.sparktron.pipeline.tokenize.UnicodeClasses} loads. Run with a JDK whose
 * {@code Character} knows Unicode 16 (JDK 25), because that is what Hugging Face's tokenizers use; older JDKs differ on thousands of code
 * points, which is why the table is committed instead of asked for at run time.
 *
 * <pre>java pipeline/src/tools/UnicodeClassesGenerator.java 16.0 pipeline/src/main/resources/ai/sparktron/pipeline/tokenize/unicode-16.0.bin</pre>
 *
 * Format: the line {@code sparktron.unicode 1 VERSION}, then runs over all code points from 0: one class byte and the run's length as a varint.
 * Class byte: bits 0-4 {@code Character.getType}, bit 5 white space, bit 6 script Han, bit 7 may change or combine under NFC. Then the number of
 * characters with another lower case, and of each the distance from the one before and the lower case, as varints.
 */
public final class UnicodeClassesGenerator {
    private static final int CODE_POINTS = 0x110000;

    public static void main(String[] arguments) throws IOException {
        Set<Integer> combining = secondsOfCompositions();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(("sparktron.unicode 1 " + arguments[0] + "\n").getBytes(StandardCharsets.US_ASCII));
        int runStart = 0;
        int previous = classByte(0, combining);
        for (int codePoint = 1; codePoint <= CODE_POINTS; codePoint++) {
            int current = codePoint == CODE_POINTS ? -1 : classByte(codePoint, combining);
            if (current != previous) {
                out.write(previous);
                writeVarint(out, codePoint - runStart);
                runStart = codePoint;
                previous = current;
            }
        }
        writeLowerCases(out);
        Files.write(Path.of(arguments[1]), out.toByteArray());
    }

    private static void writeLowerCases(ByteArrayOutputStream out) {
        int[] upper = IntStream.range(0, CODE_POINTS).filter(codePoint -> Character.toLowerCase(codePoint) != codePoint).toArray();
        writeVarint(out, upper.length);
        int previous = 0;
        for (int codePoint : upper) {
            writeVarint(out, codePoint - previous);
            writeVarint(out, Character.toLowerCase(codePoint));
            previous = codePoint;
        }
    }

    private static int classByte(int codePoint, Set<Integer> combining) {
        return Character.getType(codePoint) | (isWhiteSpace(codePoint) ? 32 : 0)
                | (Character.UnicodeScript.of(codePoint) == Character.UnicodeScript.HAN ? 64 : 0)
                | (mayChange(codePoint, combining) ? 128 : 0);
    }

    /** Unicode's White_Space property. */
    private static boolean isWhiteSpace(int codePoint) {
        return codePoint >= 9 && codePoint <= 13 || codePoint == 0x85 || Character.isSpaceChar(codePoint);
    }

    private static boolean mayChange(int codePoint, Set<Integer> combining) {
        if (codePoint >= 0xD800 && codePoint <= 0xDFFF) {
            return false;
        }
        String text = Character.toString(codePoint);
        return combining.contains(codePoint) || !Normalizer.normalize(text, Normalizer.Form.NFC).equals(text) || isReordered(text);
    }

    /** Whether the canonical combining class is not 0: such a mark changes places with one of another class. */
    private static boolean isReordered(String mark) {
        String afterHigh = "a\u0345" + mark;
        String beforeLow = "a" + mark + "\u0334";
        return !Normalizer.normalize(afterHigh, Normalizer.Form.NFD).equals("a\u0345" + Normalizer.normalize(mark, Normalizer.Form.NFD))
                || !Normalizer.normalize(beforeLow, Normalizer.Form.NFD).equals("a" + Normalizer.normalize(mark, Normalizer.Form.NFD) + "\u0334");
    }

    private static Set<Integer> secondsOfCompositions() {
        Set<Integer> seconds = new HashSet<>();
        for (int codePoint = 0; codePoint < CODE_POINTS; codePoint++) {
            if (codePoint >= 0xD800 && codePoint <= 0xDFFF) {
                continue;
            }
            int[] parts = Normalizer.normalize(Character.toString(codePoint), Normalizer.Form.NFD).codePoints().toArray();
            for (int i = 1; i < parts.length; i++) {
                seconds.add(parts[i]);
            }
        }
        return seconds;
    }

    private static void writeVarint(ByteArrayOutputStream out, int value) {
        int rest = value;
        while (rest >= 128) {
            out.write(rest & 127 | 128);
            rest >>>= 7;
        }
        out.write(rest);
    }

    private UnicodeClassesGenerator() { }
}
