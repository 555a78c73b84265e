package ai.sparktron.pipeline.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.pipeline.template.Segment;
import ai.sparktron.pipeline.tokenize.Example;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a preparation promises: selection, order, packing, bad rows, determinism, reuse, and that failures leave nothing half-written. */
class PrepareJobTest {

    @TempDir Path directory;

    private Path rows(String name, int from, int to) throws IOException {
        List<String> lines = IntStream.range(from, to).mapToObj(i -> "{\"text\": \"w" + i + " x\"}").toList();
        return Files.write(directory.resolve(name), lines);
    }

    private PreparedData prepare(PrepareOptions options, String output) {
        return PrepareJob.builder(options, new WordCodec(options.maxLength())).output(directory.resolve(output).toString()).build()
                .run(TestSpark.session());
    }

    private static PrepareOptions.Builder options(Object... datasets) {
        return PrepareOptions.builder(Stream.of(datasets).map(Object::toString).toList(), 2).packing(Packing.SEQUENTIAL);
    }

    private static List<Integer> range(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    private static Map<String, Long> checksums(PreparedData data) {
        Map<String, Long> sums = new TreeMap<>();
        data.train().shards().forEach(shard -> sums.put(shard.file(), shard.crc32c()));
        return sums;
    }

    @Test
    void withoutShuffleRowsStandInTheOrderOfFilesAndLines() throws Exception {
        Files.createDirectories(directory.resolve("in/sub"));
        rows("in/b.jsonl", 10, 20);
        rows("in/a.jsonl", 0, 10);
        rows("in/sub/c.jsonl", 20, 25);
        Files.writeString(directory.resolve("in/README.md"), "not data");
        PreparedData data = prepare(options(directory.resolve("in")).datasetShuffle(false).build(), "out");
        assertEquals(range(0, 25), Shards.firstIds(data.trainDirectory()));
        assertEquals(25, data.summary().orElseThrow().kept());
        assertFalse(Files.exists(directory.resolve("out/_temporary")) || Files.exists(directory.resolve("out/_parts")));
    }

    @Test
    void theSameBytesOnAnyPartitioningAndOrderOfTasks() throws Exception {
        StringBuilder big = new StringBuilder();
        Random random = new Random(3);
        for (int i = 0; i < 30_000; i++) {
            big.append("{\"text\": \"w").append(i).append(" y".repeat(random.nextInt(60))).append("\"}\n");
        }
        Path file = Files.writeString(directory.resolve("big.jsonl"), big);
        PrepareOptions options = PrepareOptions.builder(List.of(file.toString()), 256).shardBytes(600_000).build();
        PreparedData first = prepare(options, "one");
        assertTrue(first.train().shards().size() >= 2, "several shards are needed to see an order");
        assertTrue(first.train().fill() > 0.995, "fill is " + first.train().fill());
        // The same rows in other pieces: files of another size, in a folder, give other slices and tasks.
        Path parts = Files.createDirectories(directory.resolve("parts"));
        List<String> lines = big.toString().lines().toList();
        for (int part = 0; part < 7; part++) {
            Files.write(parts.resolve("p" + part + ".jsonl"), lines.subList(part * 30_000 / 7, (part + 1) * 30_000 / 7));
        }
        PrepareOptions cut = PrepareOptions.builder(List.of(parts.toString()), 256).shardBytes(600_000).build();
        assertEquals(checksums(first), checksums(prepare(cut, "two")));
        PrepareOptions otherSeed = PrepareOptions.builder(List.of(file.toString()), 256).shardBytes(600_000).dataSeed(7).build();
        assertNotEquals(checksums(first), checksums(prepare(otherSeed, "three")));
        List<Integer> ids = new ArrayList<>(Shards.firstIds(first.trainDirectory()));
        assertNotEquals(range(0, 30_000), ids);
        ids.sort(null);
        assertEquals(range(0, 30_000), ids, "every row once");
    }

    @Test
    void samplingTakesWholeCopiesAndThenFurtherRows() throws Exception {
        Path file = rows("ten.jsonl", 0, 10);
        PreparedData fewer = prepare(options(file + "#4").datasetShuffle(false).build(), "fewer");
        assertEquals(range(0, 4), Shards.firstIds(fewer.trainDirectory()));
        PreparedData more = prepare(options(file + "#23").datasetShuffle(false).build(), "more");
        assertEquals(23, more.train().counts().documents());
        List<Integer> all = Shards.firstIds(more.trainDirectory());
        assertEquals(range(0, 10), all.subList(10, 20));
        assertEquals(range(0, 3), all.subList(20, 23));
        List<Integer> drawn = Shards.firstIds(prepare(options(file + "#23").build(), "drawn").trainDirectory());
        for (int id = 0; id < 10; id++) {
            int copies = Collections.frequency(drawn, id);
            assertTrue(copies == 2 || copies == 3, "row " + id + " is there " + copies + " times");
        }
        assertNotEquals(all, drawn);
    }

    @Test
    void theSplitKeepsItsRowsApartAndOnDisk() throws Exception {
        Path file = rows("hundred.jsonl", 0, 100);
        PreparedData data = prepare(options(file).splitDatasetRatio(0.1).build(), "split");
        List<Integer> train = Shards.firstIds(data.trainDirectory());
        List<Integer> validation = Shards.firstIds(data.validationDirectory());
        assertEquals(90, train.size());
        assertEquals(10, validation.size());
        List<Integer> both = new ArrayList<>(train);
        both.addAll(validation);
        both.sort(null);
        assertEquals(range(0, 100), both);
        List<String> kept = Files.readAllLines(directory.resolve("split/val_dataset.jsonl"));
        assertEquals(validation.stream().map(id -> "{\"text\": \"w" + id + " x\"}").toList(), kept);
        PreparedData sampled = prepare(options(file + "#50").splitDatasetRatio(0.1).build(), "split2");
        assertEquals(45, sampled.train().counts().documents());
        assertEquals(5, sampled.validation().counts().documents());
        PreparedData last = prepare(options(file).splitDatasetRatio(0.1).datasetShuffle(false).build(), "split3");
        assertEquals(range(90, 100), Shards.firstIds(last.validationDirectory()));
        DatasetException both2 = assertThrows(DatasetException.class,
                () -> options(file).splitDatasetRatio(0.1).valDataset(List.of(file.toString())).build());
        assertTrue(both2.getMessage().contains("val_dataset"), both2.getMessage());
    }

    @Test
    void aValidationSetOfItsOwn() throws Exception {
        PreparedData data = prepare(options(rows("t.jsonl", 0, 30)).valDataset(List.of(rows("v.jsonl", 50, 60) + "#5")).build(), "own");
        assertEquals(30, data.train().counts().documents());
        assertEquals(range(50, 55), Shards.firstIds(data.validationDirectory()));
    }

    @Test
    void sourcesAreConcatenatedOrMixedByProbability() throws Exception {
        Path a = rows("a.jsonl", 0, 1000);
        Path b = rows("b.jsonl", 1000, 1500);
        PreparedData joined = prepare(options(a, b).datasetShuffle(false).build(), "joined");
        assertEquals(range(0, 1500), Shards.firstIds(joined.trainDirectory()));
        PreparedData mixed = prepare(options(a, b).datasetShuffle(false).interleaveProb(List.of(0.25, 0.75)).build(), "mixed");
        List<Integer> ids = Shards.firstIds(mixed.trainDirectory());
        List<Integer> fromB = ids.stream().filter(id -> id >= 1000).toList();
        List<Integer> fromA = ids.stream().filter(id -> id < 1000).toList();
        assertEquals(range(1000, 1500), fromB, "ends when b is exhausted");
        assertEquals(range(0, fromA.size()), fromA, "in order");
        assertTrue(fromA.size() > 120 && fromA.size() < 215, "a quarter of the draws, about 167: " + fromA.size());
        assertTrue(ids.indexOf(0) < 20 && ids.indexOf(1000) < 20, "mixed from the start");
        PreparedData all = prepare(options(a, b).datasetShuffle(false).interleaveProb(List.of(0.25, 0.75))
                .stoppingStrategy(StoppingStrategy.ALL_EXHAUSTED).build(), "all");
        List<Integer> every = Shards.firstIds(all.trainDirectory());
        assertEquals(range(0, 1000), every.stream().filter(id -> id < 1000).toList());
        assertTrue(every.stream().filter(id -> id == 1000).count() >= 5, "b starts anew");
        assertThrows(DatasetException.class, () -> options(a, b).interleaveProb(List.of(0.5)).build());
        assertThrows(DatasetException.class, () -> options(a, b).interleaveProb(List.of(0.5, 0.4)).build());
    }

    @Test
    void badRowsAreCountedShownAndKept() throws Exception {
        Path file = directory.resolve("bad.jsonl");
        Files.writeString(file, "{\"text\": \"w1 x\"}\n{\"text\": \"w2\n\n[1]\n{\"txt\": 1}\n{\"text\": \"w5 x y\"}\n{\"text\": \"w6 x\"} extra\n{\"text\": \"w7 x\"}");
        PreparedData data = prepare(options(file).datasetShuffle(false).build(), "bad");
        assertEquals(List.of(1, 7), Shards.firstIds(data.trainDirectory()));
        PrepareSummary summary = data.summary().orElseThrow();
        assertEquals(Map.of("unreadable", 3L, "missing_field", 1L, "too_long", 1L), summary.dropped());
        assertEquals(7, summary.rows());
        String text = summary.toString();
        assertTrue(text.contains("bad.jsonl:2: unreadable") && text.contains("bad.jsonl:5: missing_field"), text);
        List<String> kept = Files.readAllLines(directory.resolve("bad/bad-rows.jsonl"));
        assertEquals(5, kept.size());
        assertTrue(kept.get(3).contains("\"line\":6") && kept.get(3).contains("w5 x y"), kept.get(3));
        DatasetException strict = assertThrows(DatasetException.class, () -> prepare(options(file).strict(true).datasetShuffle(false).build(), "strict"));
        assertTrue(strict.getMessage().contains("bad.jsonl:2"), strict.getMessage());
        assertFalse(Files.exists(directory.resolve("strict/train")));
        Path hopeless = Files.writeString(directory.resolve("hopeless.jsonl"), "{}\n{\"a\": 1}\n");
        DatasetException none = assertThrows(DatasetException.class, () -> prepare(options(hopeless).build(), "none"));
        assertTrue(none.getMessage().contains("no row of the training data") && none.getMessage().contains("hopeless.jsonl:1"), none.getMessage());
        assertEquals(2, Files.readAllLines(directory.resolve("none/bad-rows.jsonl")).size());
    }

    @Test
    void missingAndEmptyDatasetsAreNamed() throws Exception {
        Path empty = Files.writeString(directory.resolve("empty.jsonl"), "\n  \n");
        DatasetException noRows = assertThrows(DatasetException.class, () -> prepare(options(empty).build(), "e1"));
        assertTrue(noRows.getMessage().contains("empty.jsonl' has no rows"), noRows.getMessage());
        DatasetException missing = assertThrows(DatasetException.class, () -> prepare(options(directory.resolve("no.jsonl")).build(), "e2"));
        assertTrue(missing.getMessage().contains("nothing is at"), missing.getMessage());
        Path odd = Files.writeString(directory.resolve("rows.xml"), "<a/>");
        DatasetException ending = assertThrows(DatasetException.class, () -> prepare(options(odd).build(), "e3"));
        assertTrue(ending.getMessage().contains(".jsonl"), ending.getMessage());
        Path folder = Files.createDirectories(directory.resolve("folder"));
        assertThrows(DatasetException.class, () -> prepare(options(folder).build(), "e4"));
        DatasetException noHub = assertThrows(DatasetException.class, () -> prepare(options("org/name").build(), "e5"));
        assertTrue(noHub.getMessage().contains("no hub is set up"), noHub.getMessage());
        assertThrows(DatasetException.class, () -> prepare(options("table:nowhere").build(), "e6"));
        assertThrows(DatasetException.class, () -> prepare(PrepareOptions.of(List.of(), 2), "e7"));
    }

    @Test
    void theSameFingerprintIsUsedAgainAndAnotherRefused() throws Exception {
        Path file = rows("r.jsonl", 0, 50);
        PreparedData first = prepare(options(file).build(), "again");
        assertFalse(first.reused());
        assertTrue(prepare(options(file).build(), "again").reused());
        DatasetException other = assertThrows(DatasetException.class, () -> prepare(options(file).dataSeed(1).build(), "again"));
        assertTrue(other.getMessage().contains("other options"), other.getMessage());
        rows("r.jsonl", 0, 60);
        assertThrows(DatasetException.class, () -> prepare(options(file).build(), "again"));
        PreparedData replaced = PrepareJob.builder(options(file).build(), new WordCodec(2)).overwrite(directory.resolve("again").toString()).build()
                .run(TestSpark.session());
        assertEquals(60, replaced.train().counts().documents());
        PrepareJob cached = PrepareJob.builder(options(file).build(), new WordCodec(2)).cache(directory.resolve("cache").toString()).build();
        assertFalse(cached.run(TestSpark.session()).reused());
        PreparedData again = cached.run(TestSpark.session());
        assertTrue(again.reused());
        // A shard that was cut off meanwhile makes the directory unfit.
        Path shard = Path.of(again.trainDirectory()).resolve(again.train().shards().get(0).file());
        Files.write(shard, new byte[10]);
        assertFalse(cached.run(TestSpark.session()).reused());
    }

    @Test
    void aCachedDatasetOfAnotherRunIsRefused() throws Exception {
        PreparedData data = prepare(options(rows("c.jsonl", 0, 50)).splitDatasetRatio(0.1).build(), "cached");
        CachedData cached = CachedData.on(TestSpark.session().sparkContext().hadoopConfiguration());
        String output = directory.resolve("cached").toString();
        assertEquals(data.train(), cached.open(output, new WordCodec(2), 2).train());
        assertEquals(data.validation(), cached.open(output, new WordCodec(2), 2).validation());
        assertEquals(data.train(), cached.open(output + "/train", new WordCodec(2), 2).train());
        DatasetException other = assertThrows(DatasetException.class, () -> cached.open(output, new WordCodec(3, "letters", null), 4));
        assertTrue(other.getMessage().contains("letters") && other.getMessage().contains("words-3") && other.getMessage().contains("max_length is 2"),
                other.getMessage());
        DatasetException none = assertThrows(DatasetException.class, () -> cached.open(directory.toString(), new WordCodec(2), 2));
        assertTrue(none.getMessage().contains("manifest.json"), none.getMessage());
    }

    @Test
    void aFailedAttemptLeavesNothingAndItsRetryTheSameBytes() throws Exception {
        Path file = rows("f.jsonl", 0, 200);
        Files.writeString(file, Files.readString(file).replace("w150 x", "boom x"));
        PrepareOptions options = options(file).build();
        Map<String, Long> undisturbed = checksums(prepare(options, "undisturbed"));
        Path tripwire = Files.writeString(directory.resolve("tripwire"), "");
        PreparedData retried = PrepareJob.builder(options, new WordCodec(2, "words", tripwire.toString())).output(directory.resolve("retried").toString())
                .build().run(TestSpark.session());
        assertFalse(Files.exists(tripwire), "the first attempt must have failed");
        assertEquals(undisturbed, checksums(retried));
        try (Stream<Path> left = Files.walk(directory.resolve("retried"))) {
            assertEquals(List.of("manifest.json", "prepare.json", "shard-00000.arrow"),
                    left.filter(Files::isRegularFile).map(path -> path.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void whatAnInterruptedRunLeftIsCleared() throws Exception {
        Files.createDirectories(directory.resolve("left/train"));
        Files.write(directory.resolve("left/train/shard-00099.arrow"), new byte[5]);
        Files.writeString(directory.resolve("left/mine.txt"), "kept");
        PreparedData data = prepare(options(rows("l.jsonl", 0, 5)).build(), "left");
        assertFalse(Files.exists(directory.resolve("left/train/shard-00099.arrow")));
        assertEquals("kept", Files.readString(directory.resolve("left/mine.txt")));
        assertEquals(5, data.train().counts().documents());
    }

    @Test
    void selfCognitionShipsWithTheProject() {
        PreparedData data = PrepareJob.builder(PrepareOptions.of(List.of("swift/self-cognition"), 512), new QueryCodec())
                .output(directory.resolve("self").toString()).build().run(TestSpark.session());
        assertTrue(data.train().counts().documents() > 50);
        assertArrayEquals(new long[] {data.train().counts().documents()}, new long[] {data.summary().orElseThrow().rows()});
    }

    /** Words of query and response. */
    private static final class QueryCodec implements RowCodec {
        private static final long serialVersionUID = 1L;
        private final WordCodec words = new WordCodec(512);

        @Override
        public String tokenizerFingerprint() {
            return "words";
        }

        @Override
        public String templateFingerprint() {
            return "query";
        }

        @Override
        public int vocabularySize() {
            return WordCodec.VOCABULARY;
        }

        @Override
        public Session open() {
            Session session = words.open();
            return new Session() {
                @Override
                public List<Text> render(Map<String, Object> row) {
                    return session.render(Map.of("text", row.get("query") + " " + row.get("response")));
                }

                @Override
                public List<Example> encode(List<Segment> segments) {
                    return session.encode(segments);
                }
            };
        }
    }
}
