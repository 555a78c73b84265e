package ai.sparktron.pipeline.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which files of a dataset repository are its training rows. */
class DatasetFilesTest {

    private static final String CARD = """
            ---
            license: mit
            configs:
            - config_name: en
              data_files:
              - split: train
                path: en/train-*
              - split: test
                path: en/test-*
            - config_name: zh
              data_files: zh/*.jsonl
              default: true
            ---
            # A set
            """;

    @TempDir Path cache;

    private static List<String> select(String card, List<String> subsets, String... paths) {
        List<HubFile> all = Stream.of(paths).map(path -> new HubFile(path, 1, null)).toList();
        return DatasetFiles.select(all, card, subsets, "org/set").stream().map(HubFile::path).toList();
    }

    @Test
    void theCardDecidesWhereItHasConfigs() {
        String[] paths = {"README.md", "en/test-0.parquet", "en/train-1.parquet", "en/train-0.parquet", "zh/a.jsonl"};
        assertEquals(List.of("en/train-0.parquet", "en/train-1.parquet"), select(CARD, List.of("en"), paths));
        assertEquals(List.of("zh/a.jsonl"), select(CARD, List.of(), paths));
        assertEquals(List.of("zh/a.jsonl", "en/train-0.parquet", "en/train-1.parquet"), select(CARD, List.of("zh", "en"), paths));
        HubException unknown = assertThrows(HubException.class, () -> select(CARD, List.of("fr"), paths));
        assertTrue(unknown.getMessage().contains("en, zh"), unknown.getMessage());
    }

    @Test
    void namesDecideOtherwise() {
        assertEquals(List.of("train.jsonl"), select(null, List.of(), "README.md", "train.jsonl", "test.jsonl", "dataset_infos.json"));
        assertEquals(List.of("a.csv", "b.csv"), select("no head", List.of(), "b.csv", "a.csv", "validation.csv", "requirements.txt"));
        assertEquals(List.of("data/x-train-00000.parquet"), select(null, List.of("default"), "data/x-train-00000.parquet", "data/x-test-00000.parquet"));
        assertEquals(List.of("math/1.json"), select(null, List.of("math"), "math/1.json", "code/1.json"));
        assertEquals(List.of("math.jsonl.gz"), select(null, List.of("math"), "math.jsonl.gz", "code.jsonl"));
        assertThrows(HubException.class, () -> select(null, List.of("law"), "math/1.json"));
    }

    @Test
    void theRowsComeThroughTheClient() throws Exception {
        try (LoopbackHub server = new LoopbackHub("org/set").file("README.md", CARD).file("zh/a.jsonl", "{}\n").file("en/train-0.parquet", "P")) {
            HubOptions options = new HubOptions(cache, server.endpoint(), null, 2, Duration.ofMillis(5), Duration.ofSeconds(5), false);
            HubClient.Snapshot snapshot = new DatasetFiles(HubClient.huggingFace(options)).fetch("org/set", null, List.of());
            assertEquals("{}\n", Files.readString(snapshot.directory().resolve("zh/a.jsonl")));
            assertEquals(0, server.requestsTo("parquet"));
            HubClient.Snapshot other = new DatasetFiles(HubClient.modelScope(
                    new HubOptions(cache.resolve("ms"), server.endpoint(), null, 2, Duration.ofMillis(5), Duration.ofSeconds(5), false)))
                    .fetch("org/set", null, List.of("en"));
            assertEquals("P", Files.readString(other.directory().resolve("en/train-0.parquet")));
        }
    }
}
