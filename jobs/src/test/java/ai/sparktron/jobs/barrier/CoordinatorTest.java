package ai.sparktron.jobs.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.jobs.barrier.ControlMessage.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

/** The driver's decisions, without Spark: messages in, answers and causes out. */
class CoordinatorTest {

    private final AttemptToken token = AttemptToken.create("app-1", 2);
    private final RecordingObserver observer = new RecordingObserver();
    private final CheckpointLedger ledger = new CheckpointLedger(null);

    private Coordinator coordinator(int size, String... settings) {
        SparkConf conf = new SparkConf(false);
        for (int i = 0; i < settings.length; i += 2) {
            conf.set(BarrierSettings.PREFIX + settings[i], settings[i + 1]);
        }
        return new Coordinator(token, size, BarrierSettings.from(conf), observer, ledger);
    }

    private ControlMessage register(Coordinator coordinator, int partition, String host, String executor, String gpu, String code) {
        return coordinator.handle(ControlMessage.of(Kind.REGISTER, "token", token.text(), "partition", String.valueOf(partition), "host", host,
                "executor", executor, "pid", "100", "gpu", gpu, "code", code));
    }

    private Coordinator two() {
        Coordinator coordinator = coordinator(2);
        register(coordinator, 0, "a", "0", "0", "c");
        register(coordinator, 1, "b", "1", "0", "c");
        return coordinator;
    }

    private ControlMessage say(Coordinator coordinator, Kind kind, int rank, long step, String... more) {
        Map<String, String> fields = new HashMap<>(Map.of("token", token.text(), "rank", String.valueOf(rank), "step", String.valueOf(step), "steps",
                "10", "phase", "step", "line.0", "line of step " + step));
        for (int i = 0; i < more.length; i += 2) {
            fields.put(more[i], more[i + 1]);
        }
        return coordinator.handle(new ControlMessage(kind, fields));
    }

    @Test
    void ranksAreCountedHostByHostAndByGpu() {
        Coordinator coordinator = coordinator(4);
        assertEquals(Kind.WAIT, register(coordinator, 0, "hostB", "3", "1", "c").kind());
        assertEquals(Kind.WAIT, register(coordinator, 1, "hostA", "10", "0", "c").kind());
        assertEquals(Kind.WAIT, register(coordinator, 2, "hostB", "3", "0", "c").kind());
        ControlMessage answer = register(coordinator, 3, "hostA", "9", "1", "c");
        assertEquals(Kind.TOPOLOGY, answer.kind());
        assertEquals(List.of(3, 1, 2, 0), observer.starts.get(0).stream().map(RankPlace::partition).toList());
        assertEquals(new RankPlace(0, 3, "hostA", "9", 100, "1"), RankPlace.decode(answer.field("place.0")));
        assertEquals(Kind.TOPOLOGY, register(coordinator, 0, "hostB", "3", "1", "c").kind(), "asking again gives the same");
    }

    @Test
    void aGpuGivenTwiceIsRefused() {
        Coordinator coordinator = coordinator(2);
        register(coordinator, 0, "hostA", "0", "3", "c");
        ControlMessage answer = register(coordinator, 1, "hostA", "1", "3", "c");
        assertEquals(Kind.ABORT, answer.kind());
        assertTrue(answer.field("reason").contains("GPU 3 of host hostA was given to two tasks, in executors 0 and 1"), answer.field("reason"));
        assertEquals(FailureKind.CONFIGURATION, coordinator.tick(System.nanoTime()).kind());
        Coordinator allowed = coordinator(2, "sharedGpu", "true");
        register(allowed, 0, "hostA", "0", "3", "c");
        assertEquals(Kind.TOPOLOGY, register(allowed, 1, "hostA", "1", "3", "c").kind());
    }

    @Test
    void ranksWithDifferentJarsAreRefused() {
        Coordinator coordinator = coordinator(2);
        register(coordinator, 0, "a", "0", "", "1000-aa");
        ControlMessage answer = register(coordinator, 1, "b", "1", "", "1000-bb");
        assertTrue(answer.field("reason").contains("1000-aa=[0]") && answer.field("reason").contains("1000-bb=[1]"), answer.field("reason"));
    }

    @Test
    void addressesGoRoundOnceAllAreThere() {
        Coordinator coordinator = two();
        assertEquals(Kind.WAIT, coordinator.handle(ControlMessage.of(Kind.ADDRESS, "token", "t", "rank", "1", "address", "b:2")).kind());
        ControlMessage answer = coordinator.handle(ControlMessage.of(Kind.ADDRESS, "token", "t", "rank", "0", "address", "a:1"));
        assertEquals(Map.of("address.0", "a:1", "address.1", "b:2"), answer.fields());
    }

    @Test
    void zombiesOfOldAttemptsAreRefused() {
        ControlHub hub = new ControlHub();
        Coordinator coordinator = two();
        hub.open(coordinator);
        byte[] commit = ControlMessage.of(Kind.COMMITTED, "token", token.text(), "rank", "0", "step", "5", "location", "step-5").encode();
        assertEquals(Kind.OK, ControlMessage.decode(hub.handle(commit)).kind());
        assertEquals("step-5", ledger.newest().orElseThrow());
        byte[] stranger = ControlMessage.of(Kind.COMMITTED, "token", "app-1/2/guess", "rank", "0", "step", "7", "location", "step-7").encode();
        assertEquals(Kind.ABORT, ControlMessage.decode(hub.handle(stranger)).kind());
        hub.close(coordinator);
        assertEquals(Kind.ABORT, ControlMessage.decode(hub.handle(commit)).kind());
        assertEquals(5, ledger.step());
    }

    @Test
    void whatARankThrowsIsTheCauseAndReachesTheOthers() {
        Coordinator coordinator = two();
        assertEquals(Kind.OK, say(coordinator, Kind.HEARTBEAT, 1, 3).kind());
        say(coordinator, Kind.FAILED, 1, 4, "error", "failed", "message", "java.lang.IllegalStateException: no", "stack", "at a.B.c");
        ControlMessage answer = say(coordinator, Kind.HEARTBEAT, 0, 4);
        assertEquals(Kind.ABORT, answer.kind());
        assertEquals("attempt 2: rank 1 (host b, executor 1, pid 100, GPU 0) at step 4/10: java.lang.IllegalStateException: no",
                answer.field("reason"));
        assertEquals(Kind.ABORT, say(coordinator, Kind.MAY_COMMIT, 0, 4).kind(), "a checkpoint of a lost attempt");
        say(coordinator, Kind.FAILED, 0, 4, "error", "communication", "message", "aborted by rank 1", "stack", "", "suspects", "1");
        FailureReport report = coordinator.tick(System.nanoTime());
        assertEquals(FailureKind.RANK_FAILED, report.kind());
        assertEquals(List.of("line of step 3", "line of step 4"), report.lastLines());
        assertEquals(1, report.later());
        assertTrue(report.toString().contains("at a.B.c") && report.toString().contains("1 more failure(s)"), report.toString());
    }

    @Test
    void aBrokenConnectionWaitsForWordOfTheLostExecutor() {
        Coordinator coordinator = two();
        say(coordinator, Kind.FAILED, 0, 4, "error", "communication", "message", "rank 1 closed its connection", "stack", "", "suspects", "1");
        assertNull(coordinator.tick(System.nanoTime()), "not yet certain");
        assertEquals(Kind.ABORT, say(coordinator, Kind.HEARTBEAT, 1, 4).kind(), "but certainly over");
        coordinator.executorLost("1", "Command exited with code 137");
        FailureReport report = coordinator.tick(System.nanoTime());
        assertEquals(FailureKind.EXECUTOR_LOST, report.kind());
        assertTrue(report.summary().contains("rank 1 (host b, executor 1") && report.summary().contains("code 137"), report.summary());
    }

    @Test
    void aBrokenConnectionAloneNamesTheSuspect() {
        Coordinator coordinator = two();
        say(coordinator, Kind.FAILED, 0, 4, "error", "communication", "message", "rank 1 is late by 30 s", "stack", "", "suspects", "1");
        FailureReport report = coordinator.tick(System.nanoTime() + 10_000_000_000L);
        assertEquals(FailureKind.COMMUNICATION, report.kind());
        assertEquals(1, report.place().rank());
        assertTrue(report.message().startsWith("seen by rank 0: "), report.message());
    }

    @Test
    void silenceIsNoticed() {
        Coordinator coordinator = two();
        say(coordinator, Kind.HEARTBEAT, 0, 4);
        say(coordinator, Kind.HEARTBEAT, 1, 3);
        assertNull(coordinator.tick(System.nanoTime() + 50_000_000_000L));
        say(coordinator, Kind.FINISHED, 0, 10);
        FailureReport report = coordinator.tick(System.nanoTime() + 61_000_000_000L);
        assertEquals(1, report.place().rank(), "rank 0 was through");
        assertEquals(FailureKind.SILENT, report.kind());
        assertTrue(report.message().contains("no heartbeat for 61."), report.message());
    }

    @Test
    void aRankThatReturnsBeforeItsLastStepIsTheCause() {
        Coordinator coordinator = two();
        say(coordinator, Kind.HEARTBEAT, 0, 10);
        assertEquals(Kind.OK, say(coordinator, Kind.FINISHED, 0, 10).kind(), "through before the others: that is right");
        assertEquals(Kind.ABORT, say(coordinator, Kind.FINISHED, 1, 6).kind());
        FailureReport report = coordinator.tick(System.nanoTime());
        assertEquals(FailureKind.EARLY_RETURN, report.kind());
        assertEquals("the program returned after step 6 of 10 while other ranks go on", report.message());
    }

    @Test
    void ranksThatDoNotComeAreCounted() {
        Coordinator coordinator = coordinator(3, "startTimeout", "5s");
        register(coordinator, 1, "a", "0", "", "c");
        assertNull(coordinator.tick(System.nanoTime()));
        FailureReport report = coordinator.tick(System.nanoTime() + 6_000_000_000L);
        assertEquals(FailureKind.START, report.kind());
        assertTrue(report.message().startsWith("1 of 3 ranks came within 5 s; partitions [0, 2] are missing"), report.message());
    }

    @Test
    void settingsAreReadOnceAndChecked() {
        BarrierSettings settings = BarrierSettings.from(new SparkConf(false).set(BarrierSettings.PREFIX + "heartbeatTimeout", "2min"));
        assertEquals(120, settings.heartbeatTimeout().toSeconds());
        assertEquals(3, settings.maxRestarts());
        assertEquals(BarrierSettings.Channel.AUTO, settings.controlChannel());
        assertTrue(settings.freshJvm());
        for (BarrierSettings.Setting setting : BarrierSettings.settings()) {
            SparkConf wrong = new SparkConf(false).set(BarrierSettings.PREFIX + setting.name(), "-x");
            String message = assertThrows(IllegalArgumentException.class, () -> BarrierSettings.from(wrong), setting.name()).getMessage();
            assertTrue(message.contains(setting.name()) && message.contains("'-x'") && message.contains("expected"), message);
        }
        SparkConf typo = new SparkConf(false).set(BarrierSettings.PREFIX + "maxRestart", "1");
        assertTrue(assertThrows(IllegalArgumentException.class, () -> BarrierSettings.from(typo)).getMessage().contains("maxRestarts"));
        SparkConf dynamic = new SparkConf(false).set("spark.dynamicAllocation.enabled", "true");
        String refused = assertThrows(IllegalArgumentException.class, () -> SparkPreparation.prepare(dynamic)).getMessage();
        assertTrue(refused.contains("--conf spark.dynamicAllocation.enabled=false"), refused);
    }

    @Test
    void theDocumentedTableIsTheRealOne() throws Exception {
        String page = Files.readString(Path.of("..", "docs", "running-on-spark.md"));
        for (BarrierSettings.Setting setting : BarrierSettings.settings()) {
            String line = "| `" + BarrierSettings.PREFIX + setting.name() + "` | `" + setting.defaultValue() + "` | " + setting.meaning() + " |";
            assertTrue(page.contains(line), () -> "docs/running-on-spark.md lacks\n" + line);
        }
        assertEquals(BarrierSettings.settings().size(), page.split("\\| `" + BarrierSettings.PREFIX.replace(".", "\\.")).length - 1, "lines in the table");
    }
}
