package ai.sparktron.pipeline.tokenize;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Ours against Hugging Face's on adversarial strings: ids, decoded text with and without special tokens, and decoded text of ids cut anywhere.
 *
 * @param tokens      how many were compared
 * @param differences the first ten, with the seed and the string's number
 */
record ParityReport(long tokens, List<String> differences) {

    static ParityReport compare(Path directory, int strings, long seed) throws IOException {
        Tokenizer tokenizer = TokenizerFile.load(directory).tokenizer();
        Tokenizer.Encoder encoder = tokenizer.encoder();
        AdversarialText texts = new AdversarialText(seed, tokenizer);
        System.out.println(directory + ": " + strings + " strings of seed " + seed);
        List<String> differences = new ArrayList<>();
        long tokens = 0;
        try (HuggingFaceOracle oracle = new HuggingFaceOracle(directory.resolve("tokenizer.json"))) {
            for (int i = 0; i < strings && differences.size() < 10; i++) {
                String text = texts.next();
                int[] ids = encoder.encode(text, true);
                int[] expected = oracle.encode(text);
                tokens += ids.length;
                String place = "seed " + seed + " string " + i + " " + escaped(text);
                if (!Arrays.equals(ids, expected)) {
                    differences.add(place + ": ids " + Arrays.toString(ids) + " expected " + Arrays.toString(expected));
                } else if (i % 4 == 0) {
                    int[] cut = Arrays.copyOfRange(ids, Math.min(ids.length, i / 4 % 3), ids.length);
                    boolean skip = i % 8 == 0;
                    String decoded = tokenizer.decode(cut, skip);
                    if (!decoded.equals(oracle.decode(cut, skip))) {
                        differences.add(place + ": text " + escaped(decoded) + " expected " + escaped(oracle.decode(cut, skip)));
                    }
                }
            }
        }
        return new ParityReport(tokens, differences);
    }

    private static String escaped(String text) {
        StringBuilder escaped = new StringBuilder();
        text.chars().forEach(unit -> escaped.append(unit < 32 || unit > 126 ? String.format("\\u%04x", unit) : String.valueOf((char) unit)));
        return escaped.toString();
    }
}
