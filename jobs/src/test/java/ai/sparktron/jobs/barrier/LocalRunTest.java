package ai.sparktron.jobs.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.jobs.barrier.ToyTraining.Fault;
import ai.sparktron.jobs.barrier.ToyTraining.Kind;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ranks as threads of the driver, in {@code local[4]}. */
@Timeout(180)
class LocalRunTest {

    private static JavaSparkContext spark;

    @TempDir
    Path folder;

    private final RecordingObserver observer = new RecordingObserver();

    @BeforeAll
    static void start() {
        SparkConf conf = SparkPreparation.prepare(new SparkConf().setMaster("local[4]").setAppName("ranks").set("spark.ui.enabled", "false")
                .set("spark.driver.host", "127.0.0.1"));
        for (String setting : List.of("heartbeatInterval=100ms", "heartbeatTimeout=30s", "collectiveTimeout=20s", "abortGrace=2s",
                "restartPause=50ms", "startTimeout=20s")) {
            conf.set(BarrierSettings.PREFIX + setting.split("=")[0], setting.split("=")[1]);
        }
        spark = new JavaSparkContext(conf);
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private String run(int ranks, RankProgram program) throws InterruptedException {
        return new BarrierRun(spark, ranks, program, observer).run("toy", Optional.empty());
    }

    private ToyTraining toy(Fault fault) {
        return new ToyTraining(folder.toString(), 20, 5, 10, fault);
    }

    @Test
    void givesRankZerosResultAndTellsWhatHappens() throws Exception {
        String result = run(3, toy(ToyTraining.NO_FAULT));
        assertEquals(64, result.length());
        assertEquals(List.of(5L, 10L, 15L, 20L), observer.commits);
        assertEquals(3, observer.starts.get(0).size());
        assertTrue(observer.lines.contains("[2] rank 2 is through"), observer.lines.toString());
        assertEquals(20, observer.progress.get(observer.progress.size() - 1).step());
        assertTrue(observer.failures.isEmpty());
        assertEquals(result, run(3, toy(ToyTraining.NO_FAULT)), "the same bits again");
    }

    @Test
    void ranksHaveTheirOwnDevicesWithoutSparkResources() throws Exception {
        RankProgram devices = environment -> {
            List<byte[]> all = environment.world().all("all").allGather(String.valueOf(environment.device()).getBytes());
            return all.stream().map(String::new).toList() + " local " + environment.isLocal() + " attempt " + environment.attempt();
        };
        assertEquals("[0, 1, 2, 3] local true attempt 1", run(4, devices));
    }

    @Test
    void afterAThrowItGoesOnFromTheNewestCheckpoint() throws Exception {
        String undisturbed = run(3, toy(ToyTraining.NO_FAULT));
        observer.commits.clear();
        String disturbed = run(3, toy(new Fault(Kind.THROW, 1, 13, 1)));
        assertEquals(undisturbed, disturbed, "the same bits as without the fault");
        assertEquals(List.of(5L, 10L, 15L, 20L), observer.commits, "the second attempt started after step 10");
        FailureReport failure = observer.failures.get(0);
        assertEquals(FailureKind.RANK_FAILED, failure.kind());
        assertEquals(1, failure.place().rank());
        assertEquals(12, failure.progress().step());
        assertTrue(failure.toString().contains("a fault made for the test") && failure.lastLines().contains("about to THROW")
                && failure.stack().contains("ToyTraining.misbehave"), failure.toString());
    }

    @Test
    void anEarlyReturnIsAFailure() throws Exception {
        String undisturbed = run(2, toy(ToyTraining.NO_FAULT));
        String disturbed = run(2, new ToyTraining.Returning(toy(new Fault(Kind.RETURN, 1, 13, 1))));
        assertEquals(undisturbed, disturbed);
        assertEquals(FailureKind.EARLY_RETURN, observer.failures.get(0).kind());
        assertEquals(1, observer.failures.get(0).place().rank());
    }

    @Test
    void whatCannotPassIsNotTriedAgain() {
        BarrierRunException wrong = assertThrows(BarrierRunException.class, () -> run(2, toy(new Fault(Kind.WRONG_OPTION, 0, 1, 99))));
        assertEquals(ExitCode.CONFIGURATION, wrong.exitCode());
        assertTrue(wrong.getMessage().contains("hidden_size is 7, expected a multiple of 8"), wrong.getMessage());
        BarrierRunException mismatch = assertThrows(BarrierRunException.class, () -> run(2, toy(new Fault(Kind.MISMATCH, 1, 3, 99))));
        assertEquals(FailureKind.PERMANENT, mismatch.report().kind());
        assertEquals(ExitCode.TRAINING, mismatch.exitCode());
        assertTrue(mismatch.getMessage().contains("barrier #") && mismatch.getMessage().contains("allReduce #"), mismatch.getMessage());
        Object secret = new Object();
        BarrierRunException unsent = assertThrows(BarrierRunException.class, () -> run(2, environment -> secret.toString()));
        assertTrue(unsent.getMessage().contains("the program cannot be sent to the executors"), unsent.getMessage());
        assertEquals(3, observer.failures.size(), "one attempt each");
    }

    @Test
    void aFaultThatStaysEndsTheRunAfterTheRestarts() {
        BarrierRunException failure = assertThrows(BarrierRunException.class, () -> run(2, toy(new Fault(Kind.THROW, 0, 3, 99))));
        assertEquals(4, observer.failures.size(), "one attempt and three restarts");
        assertTrue(failure.getMessage().contains("gave up after 3 restart(s)"), failure.getMessage());
        assertEquals(ExitCode.TRAINING, failure.exitCode());
    }

    @Test
    void tooFewSlotsAreSaidBeforeAnythingStarts() {
        long start = System.nanoTime();
        BarrierRunException few = assertThrows(BarrierRunException.class, () -> run(5, toy(ToyTraining.NO_FAULT)));
        assertTrue((System.nanoTime() - start) / 1e9 < 5);
        assertEquals(ExitCode.CONFIGURATION, few.exitCode());
        assertTrue(few.getMessage().contains("local[4] has 4 with 0 busy; use --master local[5]"), few.getMessage());
        assertTrue(observer.starts.isEmpty());
    }

    @Test
    void aRunCanBeCancelled() throws Exception {
        BarrierRun run = new BarrierRun(spark, 2, new ToyTraining(folder.toString(), 10_000, 1_000, 10, ToyTraining.NO_FAULT), observer);
        new Thread(() -> {
            while (observer.progress.isEmpty()) {
                Thread.onSpinWait();
            }
            run.cancel("the user pressed Ctrl-C");
        }).start();
        BarrierRunException cancelled = assertThrows(BarrierRunException.class, () -> run.run("toy", Optional.empty()));
        assertEquals(FailureKind.CANCELLED, cancelled.report().kind());
        assertTrue(cancelled.getMessage().contains("the user pressed Ctrl-C"), cancelled.getMessage());
    }

    @Test
    void aContextWithoutThePluginIsReachedThroughASocket() throws Exception {
        spark.sc().conf().set(BarrierSettings.PREFIX + "controlChannel", "socket");
        try {
            String disturbed = run(2, toy(new Fault(Kind.THROW, 1, 7, 1)));
            assertEquals(64, disturbed.length());
            assertEquals(List.of(5L, 10L, 15L, 20L), observer.commits);
        } finally {
            spark.sc().conf().remove(BarrierSettings.PREFIX + "controlChannel");
        }
    }
}
