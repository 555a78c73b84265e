package ai.sparktron.pipeline.tokenize;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each scanner written by hand finds the words of its regular expressions. */
class WordScannerTest {
    private static final int STRINGS = 60_000;
    private static final long SEED = 3;
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}%s| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
            + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    @Test
    void qwen() throws IOException {
        assertSameWords(new ContractionWordScanner(1), String.format(CONTRACTIONS, ""));
    }

    @Test
    void llama3() throws IOException {
        assertSameWords(new ContractionWordScanner(3), String.format(CONTRACTIONS, "{1,3}"));
    }

    @Test
    void deepSeek() throws IOException {
        assertSameWords(new DeepSeekWordScanner(), "\\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
                "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*"
                        + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
    }

    private static void assertSameWords(WordScanner scanner, String... expressions) throws IOException {
        List<Pattern> patterns = new ArrayList<>();
        for (String expression : expressions) {
            patterns.add(new Regex(expression, "this test")::matchEnd);
        }
        AdversarialText texts = new AdversarialText(SEED, TokenizerFile.load(Path.of("..", "examples", "tokenizer")).tokenizer());
        long words = 0;
        for (int i = 0; i < STRINGS; i++) {
            byte[] text = texts.next().getBytes(StandardCharsets.UTF_8);
            List<Integer> expected = new ArrayList<>();
            cut(text, 0, text.length, patterns, expected);
            assertEquals(expected, scanned(text, scanner), "seed " + SEED + " string " + i + ": " + new String(text, StandardCharsets.UTF_8));
            words += expected.size();
        }
        assertTrue(words > 5L * STRINGS, "only " + words + " words were compared");
    }

    private static void cut(byte[] text, int start, int end, List<Pattern> patterns, List<Integer> ends) {
        for (Pattern.Part part : patterns.get(0).parts(text, start, end)) {
            if (patterns.size() > 1) {
                cut(text, part.start(), part.end(), patterns.subList(1, patterns.size()), ends);
            } else {
                ends.add(part.end());
            }
        }
    }

    private static List<Integer> scanned(byte[] text, WordScanner scanner) {
        List<Integer> ends = new ArrayList<>();
        for (int at = 0; at < text.length; at = ends.get(ends.size() - 1)) {
            ends.add(scanner.wordEnd(text, at, text.length));
        }
        return ends;
    }
}
