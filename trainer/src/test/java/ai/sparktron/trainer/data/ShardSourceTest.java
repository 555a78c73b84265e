package ai.sparktron.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.packing.shard.ShardEntry;
import ai.sparktron.packing.shard.ShardException;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardVerification;
import ai.sparktron.packing.shard.ShardWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

final class ShardSourceTest {

    @TempDir
    Path root;

    private static ShardMetadata metadata(String tokenizer) {
        return ShardMetadata.of(tokenizer, "template", 1000, 16, Packing.BEST_FIT, 1);
    }

    /** A data set whose shards hold the numbered rows from {@code first} on. */
    private Path dataSet(String name, String tokenizer, int first, int... rowsPerShard) throws IOException {
        Path directory = Files.createDirectories(root.resolve(name));
        List<ShardEntry> entries = new ArrayList<>();
        int row = first;
        for (int shard = 0; shard < rowsPerShard.length; shard++) {
            try (ShardWriter writer = ShardWriter.create(directory.resolve("part-" + shard + ".arrow"), metadata(tokenizer))) {
                for (int k = 0; k < rowsPerShard[shard]; k++) {
                    writer.append(NumberedRows.builder(row++));
                }
                entries.add(writer.finish());
            }
        }
        new ShardManifest(metadata(tokenizer), entries).write(directory);
        return directory;
    }

    @Test
    void rowsRunThroughShardsAndDirectoriesInOrder() throws IOException {
        List<Path> directories = List.of(dataSet("a", "t", 0, 3, 0, 4), dataSet("b", "t", 7, 0, 0, 2, 5, 0));
        try (ShardSource source = ShardSource.open(directories, ShardVerification.CHECKSUMS); InMemoryRows expected = NumberedRows.of(14)) {
            assertEquals(14, source.rows());
            assertEquals(14, source.counts().rows());
            assertEquals(16, source.rowCapacity());
            for (int row = 13; row >= 0; row--) {
                assertEquals(expected.row(row), source.row(row), "row " + row);
            }
            assertThrows(IndexOutOfBoundsException.class, () -> source.row(14));
            source.requireTokenizer("t");
            source.requireVocabulary(1000);
            assertMessage(directories.get(0) + ": tokenizerFingerprint is t, but", () -> source.requireTokenizer("u"));
            assertMessage(directories.get(0) + ": vocabularySize is 1000, but", () -> source.requireVocabulary(999));
        }
    }

    @Test
    void remoteShardsAreFetchedWhenTheyAreNeeded() throws IOException {
        dataSet("remote", "t", 0, 3, 4, 5);
        List<String> fetched = new ArrayList<>();
        ShardFiles files = (directory, name) -> {
            fetched.add(directory + "/" + name);
            return Files.copy(root.resolve("remote").resolve(name), root.resolve("scratch-" + name));
        };
        try (ShardSource source = ShardSource.open(List.of("hdfs://h/remote"), files, ShardVerification.CHECKSUMS)) {
            assertEquals(12, source.rows());
            assertEquals(List.of("hdfs://h/remote/manifest.json"), fetched);
            source.row(4);
            source.row(6);
            assertEquals(List.of("hdfs://h/remote/manifest.json", "hdfs://h/remote/part-1.arrow"), fetched);
        }
    }

    @Test
    void whatIsMissingOrWrongIsFoundWhenOpening() throws IOException {
        Path good = dataSet("good", "t", 0, 3);
        Path other = dataSet("other", "u", 0, 3);
        assertMessage(other + ": tokenizerFingerprint is u, but that of " + good + " is t", () -> open(good, other));
        assertMessage(dataSet("empty", "t", 0, 0) + ": the data set has no rows", () -> open(root.resolve("empty")));
        assertMessage(root.resolve("nothing") + "/manifest.json: there is no manifest", () -> open(root.resolve("nothing")));
        assertMessage("no data set directory was given", () -> open());

        Path gone = dataSet("gone", "t", 0, 3, 3);
        Files.delete(gone.resolve("part-1.arrow"));
        assertMessage(gone.resolve("part-1.arrow") + ": there is no such shard", () -> open(gone));

        Path replaced = dataSet("replaced", "t", 0, 3, 3);
        Files.copy(dataSet("donor", "t", 0, 3, 4).resolve("part-1.arrow"), replaced.resolve("x.arrow"));
        Files.move(replaced.resolve("x.arrow"), replaced.resolve("part-1.arrow"), StandardCopyOption.REPLACE_EXISTING);
        assertMessage(replaced + "/part-1.arrow: counts is ", () -> open(replaced));
    }

    private static void open(Path... directories) throws IOException {
        ShardSource.open(List.of(directories), ShardVerification.CHECKSUMS).close();
    }

    private static void assertMessage(String start, Executable action) {
        String message = assertThrows(ShardException.class, action).getMessage();
        assertTrue(message.startsWith(start), message);
    }
}
