package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.tokenize.TokenizerFile;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A tokenizer on its way to the executors: the bytes of its files, because the directory is on the driver's disk and a built tokenizer is large.
 * Inside a broadcast each executor assembles it once, for all its tasks.
 */
public final class TokenizerBundle implements Serializable {

    private static final long serialVersionUID = 1L;
    /** Sources from which {@code tokenizer.json} was made; it says it all, and they are as large again. */
    private static final List<String> NOT_NEEDED = List.of("vocab.json", "merges.txt", "tokenizer.model");
    private static final List<String> ALSO = List.of("generation_config.json");

    private final TreeMap<String, byte[]> files;
    private final ArrayList<String> newSpecialTokens;
    private transient TokenizerFile assembled;

    private TokenizerBundle(TreeMap<String, byte[]> files, List<String> newSpecialTokens) {
        this.files = files;
        this.newSpecialTokens = new ArrayList<>(newSpecialTokens);
    }

    /**
     * Reads a model directory on the driver and checks that its tokenizer can be assembled.
     *
     * @param directory        holds {@code tokenizer.json}
     * @param newSpecialTokens spellings to add, see {@link TokenizerFile#load(Path, List)}
     * @throws IllegalArgumentException when a file is missing, damaged or of a kind that is not supported
     */
    public static TokenizerBundle of(Path directory, List<String> newSpecialTokens) {
        try {
            TokenizerFile assembled = TokenizerFile.load(directory, newSpecialTokens);
            TreeMap<String, byte[]> files = new TreeMap<>();
            List<String> names = new ArrayList<>(TokenizerFile.NAMES);
            names.addAll(ALSO);
            names.removeAll(NOT_NEEDED);
            for (String name : names) {
                Path file = directory.resolve(name);
                if (Files.isRegularFile(file)) {
                    files.put(name, Files.readAllBytes(file));
                }
            }
            TokenizerBundle bundle = new TokenizerBundle(files, newSpecialTokens);
            bundle.assembled = assembled;
            return bundle;
        } catch (IOException fault) {
            throw new UncheckedIOException("reading the tokenizer in " + directory + ": " + fault.getMessage(), fault);
        }
    }

    /** The tokenizer, assembled on first use in this JVM. */
    public synchronized TokenizerFile file() {
        if (assembled == null) {
            assembled = assemble();
        }
        return assembled;
    }

    private TokenizerFile assemble() {
        try {
            Path directory = Files.createTempDirectory("sparktron-tokenizer");
            try {
                for (Map.Entry<String, byte[]> file : files.entrySet()) {
                    Files.write(directory.resolve(file.getKey()), file.getValue());
                }
                return TokenizerFile.load(directory, newSpecialTokens);
            } finally {
                for (String name : files.keySet()) {
                    Files.deleteIfExists(directory.resolve(name));
                }
                Files.deleteIfExists(directory);
            }
        } catch (IOException fault) {
            throw new UncheckedIOException("assembling the tokenizer: " + fault.getMessage(), fault);
        }
    }
}
