package ai.sparktron.pipeline.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.pipeline.dataset.DatasetSpec;
import ai.sparktron.pipeline.hub.HubClient;
import ai.sparktron.pipeline.hub.HubOptions;
import ai.sparktron.pipeline.hub.LoopbackHub;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every kind of source gives the same rows, each with its place. */
class DatasetReaderTest {

    @TempDir Path directory;
    private final SparkSession spark = TestSpark.session();

    private List<ReadRow> read(Object dataset) {
        return new DatasetReader(spark, null).read(dataset.toString()).collect();
    }

    private Path write(String name, String content) throws Exception {
        return Files.writeString(directory.resolve(name), content);
    }

    private static List<Object> column(List<ReadRow> rows, String name) {
        return rows.stream().map(row -> row.values().get(name)).toList();
    }

    @Test
    void jsonLinesKeepTheirLineNumbersOverBlankLinesAndMarks() throws Exception {
        List<ReadRow> rows = read(write("a.jsonl", "\uFEFF{\"n\": 1}\r\n\r\n{\"n\": 12345678901234567890, \"f\": 1.0, \"x\": NaN}\n  \n{\"n\": [1, {\"k\": null}]}"));
        assertEquals(List.of(1L, 3L, 5L), rows.stream().map(ReadRow::line).toList());
        assertEquals(List.of(0L, 1L, 2L), rows.stream().map(ReadRow::index).toList());
        assertEquals(1L, rows.get(0).values().get("n"));
        assertEquals("12345678901234567890", rows.get(1).values().get("n").toString());
        assertEquals(1.0, rows.get(1).values().get("f"));
        assertEquals(Double.NaN, rows.get(1).values().get("x"));
    }

    @Test
    void slicesCutAtAnyByteGiveEachLineOnceWithItsNumber() throws Exception {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 200; i++) {
            text.append(i % 7 == 0 ? "\n" : "").append("{\"i\": ").append(i).append(", \"s\": \"é").append("z".repeat(i % 13)).append("\"}\n");
        }
        Path file = write("cut.jsonl", text.toString());
        List<String> lines = text.toString().lines().toList();
        for (long slice : new long[] {1, 17, 64, 1000}) {
            SourceFiles files = new SourceFiles(spark.sparkContext().hadoopConfiguration(), slice);
            SourceFile found = files.find(file.toString(), "cut").get(0);
            Source source = new Source(DatasetSpec.parse("cut.jsonl"), List.of(new Source.Slices(files.slices(found))), "");
            SourceRows rows = new SourceRows(JavaSparkContext.fromSparkContext(spark.sparkContext()), List.of(source), 4096);
            assertEquals(200, rows.count()[0].rows());
            List<ReadRow> parsed = rows.parsed().collect();
            for (int i = 0; i < 200; i++) {
                assertEquals((long) i, parsed.get(i).values().get("i"));
                assertEquals(i, parsed.get(i).index());
                assertTrue(lines.get((int) parsed.get(i).line() - 1).startsWith("{\"i\": " + i + ","));
            }
        }
    }

    @Test
    void textFormsGiveTheSameRows() throws Exception {
        Path gz = directory.resolve("z.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(gz))) {
            out.write("{\"text\": \"a\"}\n{\"text\": \"b, \\\"c\\\"\"}\n".getBytes(StandardCharsets.UTF_8));
        }
        List<Object> expected = List.of("a", "b, \"c\"");
        assertEquals(expected, column(read(gz), "text"));
        assertEquals(expected, column(read(write("t.txt", "a\n\nb, \"c\"\n")), "text"));
        assertEquals(expected, column(read(write("a.json", "[{\"text\": \"a\"},\n {\"text\": \"b, \\\"c\\\"\"}]")), "text"));
        assertEquals(expected, column(read(write("v.json", "{\n\"text\": \"a\"}\n{\"text\": \"b, \\\"c\\\"\"}")), "text"));
        assertEquals(expected, column(read(write("l.json", "{\"text\": \"a\"}\n{\"text\": \"b, \\\"c\\\"\"}\n")), "text"));
        assertEquals(expected, column(read(write("c.csv", "text\r\na\r\n\"b, \"\"c\"\"\"\r\n")), "text"));
        assertEquals(expected, column(read(write("c.tsv", "id\ttext\n1\ta\n2\tb, \"c\"\n")), "text"));
    }

    @Test
    void csvValuesMaySpanLinesAndBadRecordsAreNamed() throws Exception {
        List<ReadRow> rows = read(write("m.csv", "q,a,b\n\"one\ntwo\",\"\",\n\nx,y,z,too many\nlast\n\"open,1\n2"));
        assertEquals("one\ntwo", rows.get(0).values().get("q"));
        assertEquals("", rows.get(0).values().get("a"));
        assertNull(rows.get(0).values().get("b"));
        assertEquals(2, rows.get(0).line());
        assertTrue(rows.get(1).fault().contains("4 values") && rows.get(1).line() == 5, rows.get(1).toString());
        assertEquals("last", rows.get(2).values().get("q"));
        assertTrue(rows.get(3).fault().contains("never closed") && rows.get(3).line() == 7, rows.get(3).toString());
        assertThrows(DatasetException.class, () -> read(write("two.csv", "a,a\n1,2\n")));
    }

    @Test
    void aBrokenLineIsOneBadRowAndABrokenArrayFailsWithItsPlace() throws Exception {
        List<ReadRow> rows = read(write("b.jsonl", "{\"text\": 1}\n{oops}\nnull\n{\"text\": 2}"));
        assertNull(rows.get(0).fault());
        assertTrue(rows.get(1).fault().contains("not a JSON object") && rows.get(1).line() == 2);
        assertTrue(rows.get(2).fault().contains("null"));
        Exception broken = assertThrows(Exception.class, () -> read(write("b.json", "[{\"text\": 1},\n{\"text\": }]")));
        assertTrue(rootMessage(broken).contains("line 2, column 10"), rootMessage(broken));
    }

    private static String rootMessage(Throwable fault) {
        StringBuilder messages = new StringBuilder();
        for (Throwable cause = fault; cause != null; cause = cause.getCause()) {
            messages.append(cause.getMessage()).append('\n');
        }
        return messages.toString();
    }

    @Test
    void columnarFilesTablesAndFoldersOfAllKinds() throws Exception {
        Dataset<Row> rows = spark.sql("SELECT named_struct('role', 'user', 'content', concat('q', id)) AS m, array(array(id)) AS nested, id, "
                + "map('k', struct(id AS v)) AS mp, CAST(id AS DECIMAL(10,2)) AS d, CAST(NULL AS STRING) AS nothing, "
                + "encode('ab', 'UTF-8') AS bytes, DATE'2024-02-03' AS day FROM range(100)");
        Path folder = Files.createDirectories(directory.resolve("mixed"));
        rows.coalesce(1).write().parquet(folder.resolve("p").toString());
        Files.writeString(folder.resolve("z.jsonl"), "{\"id\": 100}\n");
        Files.writeString(folder.resolve("a.csv"), "id\n-1\n");
        List<ReadRow> read = read(folder);
        assertEquals(102, read.size());
        assertEquals("-1", read.get(0).values().get("id"));
        assertEquals(100L, read.get(101).values().get("id"));
        for (int i = 0; i < 100; i++) {
            assertEquals((long) i, read.get(i + 1).values().get("id"), "parquet rows in the order of the file");
            assertEquals(i + 1, read.get(i + 1).index());
        }
        Map<String, Object> seven = read.get(8).values();
        assertEquals(Map.of("role", "user", "content", "q7"), seven.get("m"));
        assertEquals(List.of(List.of(7L)), seven.get("nested"));
        assertEquals(Map.of("k", Map.of("v", 7L)), seven.get("mp"));
        assertEquals(7.0, seven.get("d"));
        assertEquals("YWI=", seven.get("bytes"));
        assertEquals("2024-02-03", seven.get("day"));
        assertTrue(seven.containsKey("nothing") && seven.get("nothing") == null);

        rows.repartition(3).createOrReplaceTempView("some_rows");
        List<Object> ids = column(read("table:some_rows"), "id");
        rows.repartition(1).createOrReplaceTempView("some_rows");
        assertEquals(ids, column(read("table:some_rows"), "id"), "a table's order does not depend on its partitions");
        assertEquals(100, ids.stream().distinct().count(), ids.toString());
        assertEquals(5, read("table:some_rows#5").size());
    }

    @Test
    void hubIdsOfBothHubs() throws Exception {
        try (LoopbackHub hub = new LoopbackHub("org/set").file("train.jsonl", "{\"n\": 1}\n{\"n\": 2}\n").file("test.jsonl", "{\"n\": 9}\n")
                .file("zh/rows.jsonl", "{\"n\": 3}\n")) {
            HubOptions options = new HubOptions(directory.resolve("cache"), hub.endpoint(), null, 2, Duration.ofMillis(5), Duration.ofSeconds(5), false);
            HubAccess access = new HubAccess(HubClient.huggingFace(options), HubClient.modelScope(options), HubAccess.Preferred.MODELSCOPE);
            DatasetReader reader = new DatasetReader(spark, access);
            for (String dataset : List.of("HF::org/set", "MS::org/set", "org/set")) {
                assertEquals(List.of(1L, 2L), column(reader.read(dataset).collect(), "n"), dataset);
            }
            assertEquals(List.of(3L), column(reader.read("HF::org/set:zh").collect(), "n"));
            assertEquals(List.of(1L), column(reader.read("HF::org/set#1").collect(), "n"));
            DatasetException missing = assertThrows(DatasetException.class, () -> reader.read("MS::org/none"));
            assertTrue(missing.getMessage().contains("org/none") && missing.getMessage().contains("404"), missing.getMessage());
        }
    }

    @Test
    void patternsAndUriSchemes() throws Exception {
        write("x1.jsonl", "{\"n\": 1}");
        write("x2.jsonl", "{\"n\": 2}");
        write("y.jsonl", "{\"n\": 3}");
        assertEquals(List.of(1L, 2L), column(read(directory + "/x*.jsonl"), "n"));
        assertEquals(List.of(3L), column(read(directory.resolve("y.jsonl").toUri()), "n"));
        assertEquals(List.of(4L), column(read(write("odd#1.jsonl", "{\"n\": 4}")), "n"));
    }
}
