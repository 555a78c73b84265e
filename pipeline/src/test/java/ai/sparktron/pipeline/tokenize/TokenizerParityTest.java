package ai.sparktron.pipeline.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Our ids and texts equal those of Hugging Face's library, on the tokenizer that ships in {@code examples/}. */
class TokenizerParityTest {
    private static final Path EXAMPLES = Path.of("..", "examples");
    private static final Path TOKENIZER = EXAMPLES.resolve("tokenizer");
    private static final int STRINGS = 200_000;
    private static final long SEED = 20261124;

    @Test
    void committedDataHasTheSameIds() throws IOException {
        Tokenizer tokenizer = TokenizerFile.load(TOKENIZER).tokenizer();
        Tokenizer.Encoder encoder = tokenizer.encoder();
        long bytes = 0;
        try (HuggingFaceOracle oracle = new HuggingFaceOracle(TOKENIZER.resolve("tokenizer.json")); Stream<Path> files = Files.walk(EXAMPLES)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                String text = Files.readString(file);
                int[] ids = encoder.encode(text, true);
                assertArrayEquals(oracle.encode(text), ids, () -> "ids of " + file);
                assertEquals(text, tokenizer.decode(ids, false), () -> "text of " + file);
                bytes += Files.size(file);
            }
        }
        assertTrue(bytes > 2_000_000, "only " + bytes + " bytes were compared");
    }

    @Test
    void adversarialStringsHaveTheSameIdsAndTexts() throws IOException {
        ParityReport report = ParityReport.compare(TOKENIZER, STRINGS, SEED);
        assertEquals(List.of(), report.differences());
        assertTrue(report.tokens() > 10L * STRINGS, "only " + report.tokens() + " tokens were compared");
    }
}
