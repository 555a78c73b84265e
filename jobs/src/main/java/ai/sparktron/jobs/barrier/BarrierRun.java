package ai.sparktron.jobs.barrier;

import ai.sparktron.jobs.barrier.BarrierSettings.Channel;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * A run of a program on a number of ranks: attempts, each one barrier job, until one succeeds. A failed attempt is followed by another from the newest
 * committed checkpoint when its cause may pass, up to {@code maxRestarts} times without a new checkpoint in between. Restarting is not left to Spark:
 * it retries result stages of barrier jobs never, others four times, and cannot wait for slots, choose a checkpoint or report.
 *
 * <p>The context is the caller's and stays open. One run at a time per context.
 */
public final class BarrierRun {

    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

    private final JavaSparkContext spark;
    private final BarrierSettings settings;
    private final int ranks;
    private final RankProgram program;
    private final RunObserver observer;
    private volatile Coordinator current;
    private volatile String cancelled;

    /**
     * @param spark   with {@link SparkPreparation#prepare} done before it started, where that was possible
     * @param ranks   how many; never silently fewer
     * @param program what each rank runs
     */
    public BarrierRun(JavaSparkContext spark, int ranks, RankProgram program, RunObserver observer) {
        this(spark, BarrierSettings.from(spark.getConf()), ranks, program, observer);
    }

    /** As above, with times and limits of the caller in the place of Spark's settings. */
    public BarrierRun(JavaSparkContext spark, BarrierSettings settings, int ranks, RankProgram program, RunObserver observer) {
        if (ranks < 1) {
            throw new IllegalArgumentException("a run of " + ranks + " ranks: expected at least 1");
        }
        this.spark = spark;
        this.settings = settings;
        this.ranks = ranks;
        this.program = program;
        this.observer = observer;
    }

    /** Ends the run soon, from any thread; {@link #run} then throws. */
    public void cancel(String reason) {
        cancelled = reason;
        Coordinator attempt = current;
        if (attempt != null) {
            attempt.cancel(reason);
        }
    }

    /**
     * Waits until all ranks have a slot, so that what takes long is not done for nothing. {@link #run} does it again.
     *
     * @throws BarrierRunException when they do not come in time: how many are needed, how many there are, and what to change
     */
    public void requireSlots() throws InterruptedException {
        awaitSlots(1);
    }

    /**
     * Runs to the end.
     *
     * @param description shown in the Spark UI
     * @param resumeFrom  checkpoint to start from, if any
     * @return rank 0's result, or null when it had none
     * @throws BarrierRunException      with the first cause and the exit code, when no attempt succeeded
     * @throws IllegalArgumentException when Spark's settings cannot work; nothing was started
     */
    public String run(String description, Optional<String> resumeFrom) throws InterruptedException {
        SparkPreparation.check(spark.getConf());
        ControlHub pluginHub = settings.controlChannel() == Channel.SOCKET ? null : ControlPlugin.hub(spark.sc().applicationId());
        if (pluginHub == null && settings.controlChannel() == Channel.PLUGIN) {
            throw new IllegalArgumentException(BarrierSettings.PREFIX + "controlChannel=plugin, but the context was started without spark.plugins="
                    + ControlPlugin.class.getName() + "; set it before the context starts, or use controlChannel=auto");
        }
        ControlHub hub = pluginHub == null ? new ControlHub() : pluginHub;
        ExecutorWatch executors = new ExecutorWatch(spark.sc(), hub);
        spark.sc().addSparkListener(executors);
        try {
            return attempts(description, new CheckpointLedger(resumeFrom.orElse(null)), hub, pluginHub != null, executors);
        } finally {
            spark.sc().removeSparkListener(executors);
        }
    }

    private String attempts(String description, CheckpointLedger ledger, ControlHub hub, boolean plugin, ExecutorWatch executors)
            throws InterruptedException {
        int restarts = 0;
        for (int number = 1;; number++) {
            awaitSlots(number);
            executors.count();
            long stepBefore = ledger.step();
            AttemptToken token = AttemptToken.create(spark.sc().applicationId(), number);
            Coordinator coordinator = new Coordinator(token, ranks, settings, observer, ledger);
            Attempt.Outcome outcome = attempt(coordinator, hub, plugin, description + ", attempt " + number + ", " + ranks + " ranks, from "
                    + ledger.newest().orElse("the start"), ledger);
            if (outcome.failure() == null) {
                return outcome.result();
            }
            restarts = ledger.step() > stepBefore ? 1 : restarts + 1;
            giveUpOrPause(outcome, restarts);
            if (settings.freshJvm() && !spark.sc().isLocal()) {
                executors.replace(coordinator.dirtyExecutors(), coordinator.silentExecutors(), settings.abortGrace().plusSeconds(5));
            }
        }
    }

    private Attempt.Outcome attempt(Coordinator coordinator, ControlHub hub, boolean plugin, String description, CheckpointLedger ledger) {
        hub.open(coordinator);
        current = coordinator;
        if (cancelled != null) {
            coordinator.cancel(cancelled);
        }
        AttemptToken token = coordinator.token();
        String host = spark.getConf().get("spark.driver.host", "localhost");
        String bind = spark.getConf().get("spark.driver.bindAddress", host);
        try (ControlSocket socket = plugin ? null : new ControlSocket(hub, token.secret(), bind)) {
            RankTask.Plan plan = new RankTask.Plan(token, ranks, settings, new ChannelAddress(plugin, host, socket == null ? 0 : socket.port()),
                    ledger.newest().orElse(null), spark.sc().isLocal());
            return new Attempt(spark, coordinator, settings).run(new RankTask(plan, program), ranks, description);
        } catch (IOException failure) {
            throw new IllegalStateException("the driver cannot listen on " + bind + " for its ranks; set spark.driver.bindAddress, or start the context"
                    + " with spark.plugins=" + ControlPlugin.class.getName(), failure);
        } finally {
            current = null;
            hub.close(coordinator);
        }
    }

    private void awaitSlots(int number) throws InterruptedException {
        try {
            new SlotCheck(spark.sc()).await(ranks, settings.startTimeout());
        } catch (IllegalStateException few) {
            FailureKind kind = number == 1 ? FailureKind.CONFIGURATION : FailureKind.START;
            FailureReport report = new FailureReport(number, kind, null, null, few.getMessage(), "", java.util.List.of(), 0);
            observer.failed(report, -1);
            throw new BarrierRunException(few.getMessage(), report, few);
        }
    }

    private void giveUpOrPause(Attempt.Outcome outcome, int restarts) throws InterruptedException {
        FailureReport failure = outcome.failure();
        if (!failure.kind().isRetryable()) {
            observer.failed(failure, -1);
            throw new BarrierRunException(failure.toString(), failure, outcome.exception());
        }
        if (restarts > settings.maxRestarts()) {
            observer.failed(failure, -1);
            throw new BarrierRunException("gave up after " + settings.maxRestarts() + " restart(s) without a new checkpoint ("
                    + BarrierSettings.PREFIX + "maxRestarts)\n" + failure, failure, outcome.exception());
        }
        long pause = Math.min(LONGEST_PAUSE.toMillis(), settings.restartPause().toMillis() << Math.min(restarts - 1, 16));
        observer.failed(failure, pause);
        Thread.sleep(pause);
    }
}
