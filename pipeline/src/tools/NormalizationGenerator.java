import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Writes the table that {@code ai.sparktron.pipeline.tokenize.Normalization} loads. Hugging Face's tokenizers normalize as Unicode 9 does: marks
 * and compositions of later versions are unknown to them. A JDK knows the data of its own version, and Unicode never changes them for a code point
 * once assigned, so the table is the JDK's restricted to the code points of Unicode 9, which Perl lists:
 *
 * <pre>
 * perl -e 'for $c (0x80..0x10FFFF) { next if $c >= 0xD800 &amp;&amp; $c &lt;= 0xDFFF; print "$c\n" if chr($c) =~ /\p{Present_In: 9.0}/ }' |
 *   java pipeline/src/tools/NormalizationGenerator.java pipeline/src/main/resources/ai/sparktron/pipeline/tokenize/normalization-9.0.bin
 * </pre>
 *
 * Format: the line {@code sparktron.normalization 1 9.0}, then varints. Number of marks, then per mark the distance from the one before and the
 * place of its combining class in the order of classes (from 1). Number of canonical decompositions (Hangul left out), then per entry the distance,
 * 1 if the parts compose again, and the number of parts and the parts. Number of compatibility decompositions that differ from the canonical
 * ones, then per entry the distance, the number of parts and the parts. Decompositions are complete, not one step. Number of marks of any class
 * (category M), then the distance of each from the one before.
 */
public final class NormalizationGenerator {
    private final BitSet known = new BitSet();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    public static void main(String[] arguments) throws IOException {
        NormalizationGenerator generator = new NormalizationGenerator();
        generator.known.set(0, 0x80);
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII))) {
            in.lines().forEach(line -> generator.known.set(Integer.parseInt(line)));
        }
        generator.out.write("sparktron.normalization 1 9.0\n".getBytes(StandardCharsets.US_ASCII));
        generator.writeMarks();
        generator.writeDecompositions();
        generator.writeCompatibility();
        generator.writeCategoryM();
        Files.write(Path.of(arguments[0]), generator.out.toByteArray());
    }

    /** The JDK does not tell combining classes, but it sorts by them. */
    private void writeMarks() {
        List<Integer> marks = new ArrayList<>();
        known.stream().filter(c -> nfd(c).equals(text(c)) && isReordered(c)).forEach(marks::add);
        List<Integer> ofClass = new ArrayList<>();
        for (int mark : marks) {
            if (ofClass.stream().noneMatch(other -> !isBefore(mark, other) && !isBefore(other, mark))) {
                ofClass.add(mark);
            }
        }
        varint(marks.size());
        int previous = 0;
        for (int mark : marks) {
            varint(mark - previous);
            varint(1 + (int) ofClass.stream().filter(other -> isBefore(other, mark)).count());
            previous = mark;
        }
    }

    private static boolean isReordered(int mark) {
        return isBefore(mark, 0x345) || isBefore(0x334, mark);
    }

    /** Whether the first has a lower combining class, both not being 0. */
    private static boolean isBefore(int first, int second) {
        return Normalizer.normalize("x" + text(second) + text(first), Normalizer.Form.NFD).equals("x" + text(first) + text(second))
                && first != second && !text(first).equals(text(second));
    }

    private void writeDecompositions() {
        int[] changed = known.stream().filter(c -> !nfd(c).equals(text(c)) && (c < 0xAC00 || c > 0xD7A3)).toArray();
        varint(changed.length);
        int previous = 0;
        for (int c : changed) {
            int[] parts = nfd(c).codePoints().toArray();
            varint(c - previous);
            varint(Normalizer.normalize(text(c), Normalizer.Form.NFC).equals(text(c)) ? 1 : 0);
            parts(parts);
            previous = c;
        }
    }

    private void writeCompatibility() {
        int[] changed = known.stream().filter(c -> !nfkd(c).equals(nfd(c))).toArray();
        varint(changed.length);
        int previous = 0;
        for (int c : changed) {
            varint(c - previous);
            parts(nfkd(c).codePoints().toArray());
            previous = c;
        }
    }

    private void writeCategoryM() {
        int[] marks = known.stream().filter(c -> Character.getType(c) >= Character.NON_SPACING_MARK
                && Character.getType(c) <= Character.COMBINING_SPACING_MARK).toArray();
        varint(marks.length);
        int previous = 0;
        for (int mark : marks) {
            varint(mark - previous);
            previous = mark;
        }
    }

    private void parts(int[] parts) {
        varint(parts.length);
        for (int part : parts) {
            varint(part);
        }
    }

    private static String text(int codePoint) {
        return Character.toString(codePoint);
    }

    private static String nfd(int codePoint) {
        return Normalizer.normalize(text(codePoint), Normalizer.Form.NFD);
    }

    private static String nfkd(int codePoint) {
        return Normalizer.normalize(text(codePoint), Normalizer.Form.NFKD);
    }

    private void varint(int value) {
        int rest = value;
        while (rest >= 128) {
            out.write(rest & 127 | 128);
            rest >>>= 7;
        }
        out.write(rest);
    }
}
