package ai.sparktron.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.jobs.barrier.StandaloneCluster;
import ai.sparktron.jobs.cli.Console;
import ai.sparktron.jobs.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The command line on a real standalone cluster: prepared and trained in executor processes, one of which is killed after the first checkpoint, and
 * another frozen after the second. What comes out must be the bits of two threads of this process that nothing disturbed.
 */
@Timeout(480)
class TrainingOnClusterTest {

    @TempDir
    Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void aKilledAndAFrozenTrainerCostTimeButNoBits() throws Exception {
        Path expected = train("threads", Map.of("spark.master", "local[2]"));
        Files.createDirectories(folder.resolve("cluster"));
        try (StandaloneCluster cluster = StandaloneCluster.start(folder.resolve("cluster"), 2, 1, 1)) {
            Thread killer = new Thread(() -> disturb(cluster));
            killer.setDaemon(true);
            out.reset();
            killer.start();
            Path actual = train("processes", settings(cluster.conf("training")));
            killer.join();
            String said = out.toString(StandardCharsets.UTF_8);
            assertTrue(said.contains("attempt 3: 2 ranks"), "two attempts were disturbed\n" + said);
            assertTrue(said.contains("its executor is lost") && said.contains("code 137") && said.contains("no heartbeat for 10."), said);
            assertTrue(said.contains("continuing from step 4") && said.contains("continuing from step 8"), said);
            assertEquals(-1, Files.mismatch(expected.resolve("model.safetensors"), actual.resolve("model.safetensors")), "first byte that differs");
        }
    }

    private static Map<String, String> settings(SparkConf conf) {
        Map<String, String> settings = new TreeMap<>();
        for (scala.Tuple2<String, String> entry : conf.getAll()) {
            settings.put(entry._1(), entry._2());
        }
        settings.put("spark.executor.memory", "700m");
        settings.put("spark.executor.resource.gpu.amount", "1");
        settings.put("spark.task.resource.gpu.amount", "1");
        settings.put("spark.executor.extraJavaOptions", settings.get("spark.executor.extraJavaOptions") + " --add-modules=jdk.incubator.vector");
        return settings;
    }

    private void disturb(StandaloneCluster cluster) {
        try {
            signal("-KILL", victim(cluster, "checkpoint of step 4"));
            signal("-STOP", victim(cluster, "checkpoint of step 8"));
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        } catch (IOException failure) {
            throw new java.io.UncheckedIOException(failure);
        }
    }

    /** The youngest executor, once this was said. */
    private long victim(StandaloneCluster cluster, String said) throws InterruptedException {
        while (!out.toString(StandardCharsets.UTF_8).contains(said)) {
            Thread.sleep(5);
        }
        List<ProcessHandle> executors = cluster.executors();
        return executors.get(executors.size() - 1).pid();
    }

    private static void signal(String signal, long pid) throws IOException, InterruptedException {
        assertEquals(0, new ProcessBuilder("kill", signal, String.valueOf(pid)).start().waitFor());
    }

    /** Trains with these Spark settings; gives the folder of the last save. */
    private Path train(String name, Map<String, String> spark) throws IOException {
        Path repository = Path.of("").toAbsolutePath().getParent();
        List<String> words = new ArrayList<>(List.of("sft", "--model", repository.resolve("examples/models/qwen3-tiny").toString(),
                "--no_initialization", "false", "--dataset", repository.resolve("examples/data/self-cognition.jsonl") + "#60",
                "--model_name", "Spark", "--model_author", "Us", "--max_length", "128", "--num_ranks", "2", "--micro_batch_size", "1",
                "--global_batch_size", "4", "--train_iters", "12", "--save_interval", "4", "--log_interval", "1", "--heartbeat_timeout", "10", "--abort_grace", "3", "--lr", "1e-3",
                "--save", folder.resolve(name).toString(), "--add_version", "false"));
        Map<String, String> before = new TreeMap<>();
        spark.forEach((key, value) -> before.put(key, System.setProperty(key, value)));
        System.setProperty("spark.ui.enabled", "false");
        try {
            Console console = new Console(new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8));
            ExitCode code = new Main(console).run(words.toArray(String[]::new));
            assertEquals(ExitCode.OK, code, () -> err.toString(StandardCharsets.UTF_8) + out.toString(StandardCharsets.UTF_8));
        } finally {
            spark.keySet().forEach(System::clearProperty);
            System.clearProperty("spark.ui.enabled");
        }
        try (var files = Files.walk(folder.resolve(name))) {
            return files.filter(file -> file.endsWith("model.safetensors")).max(java.util.Comparator.comparing(file -> number(file.getParent())))
                    .orElseThrow(() -> new AssertionError("nothing saved:\n" + out.toString(StandardCharsets.UTF_8))).getParent();
        }
    }

    private static int number(Path checkpoint) {
        return Integer.parseInt(checkpoint.getFileName().toString().replaceAll("\\D", "0"));
    }
}
