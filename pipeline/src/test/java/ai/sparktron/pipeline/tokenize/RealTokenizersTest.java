package ai.sparktron.pipeline.tokenize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The tokenizers of real models, which the project does not carry. Give a folder under which each folder with a {@code tokenizer.json} is tried, and
 * optionally one with UTF-8 texts:
 * <pre>mvn test -pl packing,pipeline -Dtest=RealTokenizersTest -Dsparktron.tokenizers=DIR -Dsparktron.texts=DIR</pre>
 */
class RealTokenizersTest {
    private static final int STRINGS = Integer.getInteger("sparktron.strings", 100_000);
    private static final long SEED = Long.getLong("sparktron.seed", 1);

    @Test
    void idsEqualThoseOfTheLibrary() throws IOException {
        List<Path> directories = tokenizers();
        for (Path directory : directories) {
            assertEquals(List.of(), ParityReport.compare(directory, STRINGS, SEED).differences(), () -> directory.toString());
        }
    }

    @Test
    void textsHaveTheSameIdsAndComeBack() throws IOException {
        List<Path> directories = tokenizers();
        String texts = System.getProperty("sparktron.texts");
        assumeTrue(texts != null, "no texts: give a folder by -Dsparktron.texts=DIR");
        for (Path directory : directories) {
            System.out.println(directory + ": " + compareTexts(directory, Path.of(texts)) + " bytes of text, all ids equal");
        }
    }

    private static long compareTexts(Path directory, Path texts) throws IOException {
        Tokenizer tokenizer = TokenizerFile.load(directory).tokenizer();
        Tokenizer.Encoder encoder = tokenizer.encoder();
        long bytes = 0;
        try (HuggingFaceOracle oracle = new HuggingFaceOracle(directory.resolve("tokenizer.json")); Stream<Path> files = Files.walk(texts)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
                int[] ids = encoder.encode(text, true);
                assertArrayEquals(oracle.encode(text), ids, () -> directory + " on " + file);
                assertEquals(oracle.decode(ids, false), tokenizer.decode(ids, false), () -> directory + " on " + file);
                bytes += Files.size(file);
            }
        }
        return bytes;
    }

    private static List<Path> tokenizers() throws IOException {
        String root = System.getProperty("sparktron.tokenizers");
        assumeTrue(root != null, "no real tokenizers: give a folder by -Dsparktron.tokenizers=DIR");
        try (Stream<Path> files = Files.walk(Path.of(root))) {
            List<Path> found = files.filter(file -> file.getFileName().toString().equals("tokenizer.json")).map(Path::getParent).sorted().toList();
            assertFalse(found.isEmpty(), "no tokenizer.json under " + root);
            return found;
        }
    }
}
