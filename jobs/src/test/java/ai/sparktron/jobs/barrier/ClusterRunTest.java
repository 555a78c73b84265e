package ai.sparktron.jobs.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.jobs.barrier.ToyTraining.Fault;
import ai.sparktron.jobs.barrier.ToyTraining.Kind;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Ranks in executor processes of a real standalone cluster: a master, two workers with two made-up GPUs each. */
@Timeout(240)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ClusterRunTest {

    @TempDir
    static Path folder;

    private static StandaloneCluster cluster;
    private static JavaSparkContext spark;

    private final RecordingObserver observer = new RecordingObserver();

    @BeforeAll
    static void start() throws Exception {
        cluster = StandaloneCluster.start(folder, 2, 2, 2);
        var conf = SparkPreparation.prepare(cluster.conf("ranks")).set("spark.cores.max", "3").set("spark.executor.resource.gpu.amount", "1")
                .set("spark.task.resource.gpu.amount", "1");
        for (String setting : List.of("heartbeatInterval=200ms", "heartbeatTimeout=60s", "collectiveTimeout=90s", "abortGrace=2s",
                "restartPause=100ms", "startTimeout=120s")) {
            conf.set(BarrierSettings.PREFIX + setting.split("=")[0], setting.split("=")[1]);
        }
        spark = new JavaSparkContext(conf);
    }

    @AfterAll
    static void stop() {
        if (spark != null) {
            spark.stop();
        }
        if (cluster != null) {
            cluster.close();
        }
    }

    private String run(int ranks, RankProgram program) throws InterruptedException {
        return new BarrierRun(spark, ranks, program, observer).run("toy", Optional.empty());
    }

    private static ToyTraining toy(Fault fault) {
        return new ToyTraining(folder.toString(), 20, 5, 20, fault);
    }

    /** The bits of a run that nothing disturbed, from threads: the world must not matter. */
    private static String undisturbed() {
        double[] weights = {1, 2, 3, 4};
        for (int step = 1; step <= 20; step++) {
            for (int i = 0; i < 4; i++) {
                double sum = Math.sin(weights[i] + step);
                sum += Math.sin(weights[i] * 2 + step);
                sum += Math.sin(weights[i] * 3 + step);
                weights[i] -= 0.01 * sum;
            }
        }
        var bytes = java.nio.ByteBuffer.allocate(32);
        for (double weight : weights) {
            bytes.putDouble(weight);
        }
        return java.util.HexFormat.of().formatHex(bytes.array());
    }

    @Test
    @Order(1)
    void ranksRunInProcessesOfTheirOwnEachWithItsGpu() throws Exception {
        assertEquals(undisturbed(), run(3, toy(ToyTraining.NO_FAULT)));
        List<RankPlace> places = observer.starts.get(0);
        assertEquals(3, new HashSet<>(places.stream().map(RankPlace::pid).toList()).size(), "three processes: " + places);
        assertEquals(3, new HashSet<>(places.stream().map(RankPlace::gpu).toList()).size(), "three GPUs: " + places);
        Set<String> known = Set.of("0", "1", "2", "3");
        assertTrue(known.containsAll(places.stream().map(RankPlace::gpu).toList()), places.toString());
        assertTrue(observer.lines.contains("[1] rank 1 is through"), observer.lines.toString());
        String devices = run(3, environment -> environment.world().all("all").allGather(String.valueOf(environment.device()).getBytes()).stream()
                .map(String::new).collect(Collectors.joining(",")));
        assertEquals(observer.starts.get(1).stream().map(RankPlace::gpu).collect(Collectors.joining(",")), devices, "the device is Spark's address");
    }

    @Test
    @Order(2)
    void tooFewSlotsAreCountedWithWhatToChange() {
        spark.sc().conf().set(BarrierSettings.PREFIX + "startTimeout", "2s");
        try {
            BarrierRunException few = assertThrows(BarrierRunException.class, () -> run(4, toy(ToyTraining.NO_FAULT)));
            assertTrue(few.getMessage().contains("4 ranks need 4 free slots at the same time, but after 2 s there are 3 slots on 3 executor(s)")
                    && few.getMessage().contains("--num-executors"), few.getMessage());
        } finally {
            spark.sc().conf().set(BarrierSettings.PREFIX + "startTimeout", "120s");
        }
    }

    /** Each fault ends the attempt soon, is named, and the next attempt brings the same bits as no fault. */
    @ParameterizedTest
    @Order(3)
    @EnumSource(names = {"THROW", "EXIT", "KILL", "STOP", "RETURN", "IGNORE_INTERRUPTS_WHILE_ANOTHER_THROWS"})
    void afterAFaultTheRunGoesOnFromTheNewestCheckpoint(Kind kind) throws Exception {
        long start = System.nanoTime();
        spark.sc().conf().set(BarrierSettings.PREFIX + "heartbeatTimeout", kind == Kind.STOP ? "6s" : "60s");
        ToyTraining toy = toy(new Fault(kind, 1, 13, 1));
        assertEquals(undisturbed(), run(3, kind == Kind.RETURN ? new ToyTraining.Returning(toy) : toy));
        double seconds = (System.nanoTime() - start) / 1e9;
        assertEquals(1, observer.failures.size(), observer.failures.toString());
        assertEquals(List.of(5L, 10L, 15L, 20L), observer.commits, "the second attempt started after step 10");
        FailureReport failure = observer.failures.get(0);
        System.out.printf("%s: %.1f s in all; %s%n", kind, seconds, failure.summary());
        RankPlace failed = observer.starts.get(0).get(1);
        assertEquals(failed, failure.place(), "the report names rank, host, executor and GPU");
        assertTrue(failure.progress().step() >= 7 && failure.progress().step() <= 12, "its last heartbeats: " + failure.progress());
        assertTrue(failure.lastLines().contains("rank 1 starts after step 0"), failure.toString());
        switch (kind) {
            case THROW, IGNORE_INTERRUPTS_WHILE_ANOTHER_THROWS -> assertKind(FailureKind.RANK_FAILED, "a fault made for the test", failure);
            case EXIT -> assertKind(FailureKind.EXECUTOR_LOST, "code 7", failure);
            case KILL -> assertKind(FailureKind.EXECUTOR_LOST, "code 137", failure);
            case STOP -> assertKind(FailureKind.SILENT, "no heartbeat for 6", failure);
            case RETURN -> assertKind(FailureKind.EARLY_RETURN, "returned after step 12 of 20", failure);
            case NONE, WRONG_OPTION, MISMATCH -> throw new AssertionError(kind);
        }
        if (kind != Kind.RETURN) {
            assertNotEquals(failed.pid(), observer.starts.get(1).get(1).pid(), "a fresh process");
        }
        assertTrue(seconds < 120, kind + " took " + seconds + " s");
    }

    /** Nothing is gained by new processes when no attempt follows. */
    @Test
    @Order(4)
    void aWrongOptionLeavesTheExecutorsAlone() throws Exception {
        run(3, toy(ToyTraining.NO_FAULT));
        List<Long> before = observer.starts.get(0).stream().map(RankPlace::pid).sorted().toList();
        BarrierRunException wrong = assertThrows(BarrierRunException.class, () -> run(3, toy(new Fault(Kind.WRONG_OPTION, 1, 2, 9))));
        assertEquals(ExitCode.CONFIGURATION, wrong.exitCode());
        Thread.sleep(2_500);
        assertEquals(before, cluster.executors().stream().map(ProcessHandle::pid).sorted().toList());
    }

    private static void assertKind(FailureKind kind, String text, FailureReport report) {
        assertEquals(kind, report.kind(), report.toString());
        assertTrue(report.message().contains(text), report.toString());
    }
}
