package ai.sparktron.jobs.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code local-cluster}: the cheapest way to executors in processes of their own. It wants SPARK_HOME, so the driver is a child process too. */
class LocalClusterTest {

    @Test
    void ranksJoinOverSocketsAndTheProcessEnds(@TempDir Path folder) throws Exception {
        StandaloneCluster.linkJars(folder);
        Path log = folder.resolve("driver.log");
        List<String> command = new java.util.ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-Xmx512m", "-XX:+UseSerialGC"));
        for (String option : java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (option.startsWith("--add-opens")) {
                command.add(option);
            }
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Driver.class.getName(), folder.toString()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().putAll(Map.of("SPARK_HOME", folder.resolve("home").toString(), "SPARK_SCALA_VERSION", StandaloneCluster.scalaVersion(),
                "SPARK_LOCAL_IP", "127.0.0.1"));
        Process driver = builder.start();
        try {
            assertTrue(driver.waitFor(240, TimeUnit.SECONDS), () -> "the driver is still there:\n" + read(log));
            assertEquals(ExitCode.OK.status(), driver.exitValue(), () -> read(log));
            assertTrue(read(log).contains("RESULT 2 ranks in 2 processes"), () -> read(log));
        } finally {
            driver.descendants().forEach(ProcessHandle::destroyForcibly);
            driver.destroyForcibly();
        }
    }

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (java.io.IOException failure) {
            return failure.toString();
        }
    }

    /** The driver. */
    static final class Driver {

        public static void main(String[] arguments) throws Exception {
            SparkConf conf = SparkPreparation.prepare(new SparkConf().setMaster("local-cluster[2,1,1024]").setAppName("ranks")
                    .set("spark.ui.enabled", "false").set("spark.driver.host", "127.0.0.1").set("spark.executor.memory", "480m")
                    .set("spark.executor.extraClassPath", StandaloneCluster.classFolders()));
            int status;
            try (JavaSparkContext spark = new JavaSparkContext(conf)) {
                String result = new BarrierRun(spark, 2, new ToyTraining(arguments[0], 20, 5, 5, ToyTraining.NO_FAULT), new ConsoleObserver(System.out) {
                    @Override
                    public void started(int attempt, List<RankPlace> places) {
                        System.out.println("RESULT " + places.size() + " ranks in " + places.stream().map(RankPlace::pid).distinct().count()
                                + " processes");
                    }
                }).run("toy", Optional.empty());
                status = result.length() == 64 ? ExitCode.OK.status() : ExitCode.TRAINING.status();
            }
            System.exit(status);
        }
    }
}
