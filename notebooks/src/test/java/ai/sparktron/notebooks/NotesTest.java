package ai.sparktron.notebooks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.notebooks.runner.Note;
import ai.sparktron.notebooks.runner.NoteRunner;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The notes' cells, run in their order on a local Spark, and what they show. */
class NotesTest {

    @TempDir
    Path work;

    private NoteRunner.Result run(String file, Map<String, String> forms) throws IOException {
        SparkConf machine = new SparkConf(false).setMaster("local[2]").set("spark.ui.enabled", "false").set("spark.driver.host", "127.0.0.1")
                .set("spark.driver.bindAddress", "127.0.0.1").set("spark.sql.warehouse.dir", work.resolve("warehouse").toString());
        Map<String, String> all = new LinkedHashMap<>(forms);
        all.put("project folder", Projects.root().toString());
        all.put("work folder", work.toString());
        NoteRunner.Result result = NoteRunner.run(Note.read(Projects.note(file)), machine, all);
        assertNamesTheJarsThatAreBuilt(result.conf().get("spark.jars"));
        return result;
    }

    /** The runner has the class path instead, so the paths are held to the build here. */
    private static void assertNamesTheJarsThatAreBuilt(String jars) {
        String version = System.getProperty("project.version");
        assertEquals("/opt/sparktron/jobs/target/sparktron-" + version + "-spark.jar,/opt/sparktron/notebooks/target/sparktron-notebooks-" + version + ".jar", jars);
    }

    @Test
    void prepareAndLookAtData() throws IOException {
        NoteRunner.Result result = run("Prepare and look at data_2SPKDATA1.zpln", Map.of("sample", "7"));
        String summary = result.only("Prepare", "text").content();
        assertTrue(summary.contains("2,158 selected, 2,158 kept, 0 dropped"), summary);

        List<List<String>> lengths = result.only("How long are the samples?", "table").rows();
        assertEquals(2158, lengths.stream().mapToLong(row -> Long.parseLong(row.get(1))).sum(), "every sample is in a range");
        assertTrue(lengths.size() > 5, lengths.toString());
        long bars = Markup.parse(result.only("The same as a picture", "html").content()).elements("rect", box -> true).size();
        assertEquals(lengths.size(), bars);

        Map<String, String> packing = new LinkedHashMap<>();
        result.only("How full are the rows?", "table").rows().forEach(row -> packing.put(row.get(0), row.get(1)));
        assertEquals("2,158", packing.get("samples"));
        assertTrue(percent(packing.get("fill")) > 95, packing.toString());
        assertTrue(percent(packing.get("fill if padded to the longest")) < percent(packing.get("fill")), packing.toString());
        assertTrue(Markup.parse(result.only("The first rows to scale", "html").content()).elements("rect", box -> true).size() > 50);

        Markup sample = Markup.parse(result.only("A sample", "html").content());
        String trained = sample.text("span", token -> token.hasAttribute("title") && token.getAttribute("style").contains("background"));
        String read = sample.text("span", token -> token.hasAttribute("title") && !token.getAttribute("style").contains("background"));
        assertTrue(sample.text().startsWith("sample 7 "), sample.text());
        assertTrue(trained.contains("<|im_end|>") && !trained.contains("<|im_start|>"), trained);
        assertTrue(read.contains("<|im_start|>user") && read.contains("<|im_start|>assistant"), read);
    }

    @Test
    void trainAndWatch() throws IOException {
        NoteRunner.Result result = run("Train and watch_2SPKTRAI1.zpln", Map.of("steps", "10", "ranks", "2", "question", "who are you?"));
        String log = result.only("Train", "text").content();
        assertTrue(log.contains("2 ranks"), log);
        assertTrue(log.contains("10 steps"), log);

        Markup curves = Markup.parse(result.only("Curves", "html").content());
        List<String> lines = curves.elements("polyline", line -> true).stream().map(line -> line.getAttribute("points").trim()).toList();
        assertEquals(4, lines.size(), "loss, gradient norm, learning rate, tokens a second");
        lines.forEach(line -> assertEquals(10, line.split(" ").length, "a point for each step: " + line));

        List<List<String>> losses = result.only("Losses", "table").rows();
        assertEquals(10, losses.size());
        double first = Double.parseDouble(losses.get(0).get(1));
        double last = Double.parseDouble(losses.get(9).get(1));
        assertTrue(first > 7 && last < first - 1, "from a guess among 4,096 tokens downwards: " + losses);
        assertTrue(losses.stream().anyMatch(row -> !row.get(2).isEmpty()), "an evaluation: " + losses);

        List<String> answer = result.only("Ask it", "table").rows().get(0);
        assertEquals("who are you?", answer.get(0));
        assertTrue(Integer.parseInt(answer.get(2)) > 0, answer.toString());
    }

    private static double percent(String cell) {
        return Double.parseDouble(cell.replace(" %", ""));
    }
}
