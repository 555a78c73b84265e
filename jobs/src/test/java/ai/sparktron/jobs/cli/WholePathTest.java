package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command line from raw rows to answers: prepare, train on the prepared shards, resume, ask, convert. */
@Timeout(300)
class WholePathTest {

    private static final String MODEL = Path.of("..", "examples", "models", "qwen3-tiny").toString();
    private static final String REFERENCE_CASE = Path.of("..", "trainer", "src", "test", "resources", "reference-cases", "qwen3").toString();
    /** A smaller model than the example's, so that it learns its two sentences in seconds. */
    private static final List<String> SHAPE = List.of("--num_layers", "2", "--hidden_size", "64", "--ffn_hidden_size", "128", "--kv_channels", "16");

    @TempDir
    private Path folder;

    private final CommandLine commandLine = new CommandLine();

    @AfterEach
    void clearSettings() {
        commandLine.close();
    }

    private void run(String command, Object... words) {
        commandLine.run(command, words);
    }

    /** In a process whose class path has neither Spark nor Hadoop nor Scala, as on a GPU host that only got the bundle. */
    private void runWithoutSpark(String command, Object... words) throws IOException, InterruptedException {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("spark-") && !entry.contains("hadoop-") && !entry.contains("scala-"))
                .collect(Collectors.joining(File.pathSeparator));
        List<String> process = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", classPath, Main.class.getName()));
        process.addAll(CommandLine.words(command, words));
        Path log = folder.resolve("without-spark.log");
        int code = new ProcessBuilder(process).redirectErrorStream(true).redirectOutput(log.toFile()).start().waitFor();
        assertEquals(0, code, () -> {
            try {
                return Files.readString(log);
            } catch (IOException e) {
                return e.toString();
            }
        });
    }

    /** By step, as logged. */
    private static Map<String, Double> losses(Path run) throws IOException {
        Map<String, Double> losses = new LinkedHashMap<>();
        for (String line : Files.readAllLines(run.resolve("logging.jsonl"))) {
            JsonNode step = new ObjectMapper().readTree(line);
            if (step.has("loss")) {
                losses.put(step.get("global_step/max_steps").asText(), step.get("loss").asDouble());
            }
        }
        return losses;
    }

    @Test
    void fromRowsToAnswers() throws IOException, InterruptedException {
        Path rows = folder.resolve("rows.jsonl");
        Files.writeString(rows, "{\"query\": \"who are you?\", \"response\": \"I am a spark.\"}\n{\"query\": \"what is two?\", \"response\": \"one and one\"}\n");
        run("prepare", "--model", MODEL, "--dataset", rows + "#64", "--max_length", 64, "--packing", true, "--output_dir", folder.resolve("shards"));

        List<String> training = new ArrayList<>(SHAPE);
        training.addAll(List.of("--cached_dataset", folder.resolve("shards").toString(), "--max_length", "64", "--packing", "true",
                "--micro_batch_size", "2", "--global_batch_size", "4", "--train_iters", "60", "--lr", "1e-2", "--weight_decay", "0",
                "--save_interval", "30", "--add_version", "false", "--num_ranks", "2"));
        Path straight = folder.resolve("straight");
        run("sft", "--model", MODEL, "--perform_initialization", true, training, "--save", straight);
        assertTrue(Files.isRegularFile(straight.resolve("args.json")) && Files.isRegularFile(straight.resolve("logging.jsonl")), "files of the run");

        Path without = folder.resolve("without-spark");
        runWithoutSpark("sft", "--model", MODEL, "--perform_initialization", true, training, "--save", without);
        Path last = Path.of("checkpoint-60", "model.safetensors");
        assertEquals(-1, Files.mismatch(straight.resolve(last), without.resolve(last)), "first byte that differs where processes train without Spark");

        Path resumed = folder.resolve("resumed");
        run("sft", "--load", straight.resolve("checkpoint-30"), "--finetune", false, training, "--save", resumed);
        Path weights = Path.of("checkpoint-60", "model.safetensors");
        assertEquals(-1, Files.mismatch(straight.resolve(weights), resumed.resolve(weights)), "first byte that differs after resuming");

        Path cut = folder.resolve("cut");
        run("sft", "--load", straight.resolve("checkpoint-30"), "--finetune", false, training, "--save", cut, "--tensor_model_parallel_size", 2,
                "--sequence_parallel", true);
        Map<String, Double> expected = losses(straight);
        Map<String, Double> shared = losses(cut);
        assertTrue(shared.containsKey("60/60") && expected.keySet().containsAll(shared.keySet()), shared.keySet() + " of " + expected.keySet());
        shared.forEach((step, loss) -> assertEquals(expected.get(step), loss, 1e-3, "both ranks share each layer now, step " + step));
        System.setProperty("spark.hadoop.fs.far.impl", RemoteShardsTest.FarFileSystem.class.getName());
        Path far = folder.resolve("far");
        List<String> fromFar = new ArrayList<>(training);
        fromFar.replaceAll(word -> word.equals(folder.resolve("shards").toString()) ? "far:" + word : word);
        run("sft", "--load", straight.resolve("checkpoint-30"), "--finetune", false, fromFar, "--save", far);
        System.clearProperty("spark.hadoop.fs.far.impl");
        assertEquals(-1, Files.mismatch(straight.resolve(weights), far.resolve(weights)), "shards of another file system are the same shards");
        run("verify", REFERENCE_CASE, "--tensor_model_parallel_size", 2);

        Path answers = folder.resolve("answers.jsonl");
        run("infer", "--model", straight, "--val_dataset", rows, "--result_path", answers, "--max_new_tokens", 20);
        List<String> lines = Files.readAllLines(answers);
        assertEquals(2, lines.size());
        for (String line : lines) {
            JsonNode answer = new ObjectMapper().readTree(line);
            assertTrue(answer.get("response").asText().endsWith(answer.get("labels").asText()), line);
            assertFalse(answer.get("labels").asText().isEmpty(), line);
        }

        run("export", "--to_hf", true, "--mcore_model", straight, "--output_dir", folder.resolve("hf"), "--test_convert_precision", true);
        run("export", "--to_mcore", true, "--model", folder.resolve("hf"), "--output_dir", folder.resolve("mcore"));
        run("infer", "--model", folder.resolve("mcore"), "--val_dataset", rows, "--result_path", folder.resolve("again.jsonl"), "--max_new_tokens", 20,
                "--max_batch_size", 3);
        assertEquals(lines, Files.readAllLines(folder.resolve("again.jsonl")));
    }
}
