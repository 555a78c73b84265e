package ai.sparktron.jobs.barrier;

import ai.sparktron.jobs.barrier.ControlMessage.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The driver's side of one attempt: answers the ranks, notices what goes wrong, and decides what went wrong first. It knows nothing of Spark or of the
 * channel; {@link #tick} is called a few times a second.
 */
final class Coordinator {

    /** How long word of a lost executor may take after its peers have noticed. */
    private static final long SETTLE_MILLIS = 3_000;

    private final AttemptToken token;
    private final int size;
    private final BarrierSettings settings;
    private final RunObserver observer;
    private final CheckpointLedger ledger;
    private final Roster roster;
    private final FirstCause cause = new FirstCause(SETTLE_MILLIS);
    private final long startedNanos = System.nanoTime();
    private List<RankState> ranks = List.of();

    Coordinator(AttemptToken token, int size, BarrierSettings settings, RunObserver observer, CheckpointLedger ledger) {
        this.token = token;
        this.size = size;
        this.settings = settings;
        this.observer = observer;
        this.ledger = ledger;
        this.roster = new Roster(size, settings.sharedGpu());
    }

    AttemptToken token() {
        return token;
    }

    /** Answers one message of a rank. */
    synchronized ControlMessage handle(ControlMessage message) {
        long now = System.nanoTime();
        return switch (message.kind()) {
            case REGISTER -> register(message, now);
            case ADDRESS -> cause.isPresent() ? abort() : roster.address(message.intField("rank"), message.field("address"));
            case HEARTBEAT -> {
                hear(message, now);
                yield cause.isPresent() ? abort() : ControlMessage.of(Kind.OK);
            }
            case MAY_COMMIT -> cause.isPresent() ? abort() : ControlMessage.of(Kind.OK);
            case COMMITTED -> commit(message);
            case FAILED -> {
                RankState state = hear(message, now);
                state.fail();
                failed(state, message, now);
                yield ControlMessage.of(Kind.OK, "retire", String.valueOf(cause.best().kind().isRetryable()));
            }
            case FINISHED -> {
                hear(message, now).finish();
                checkEarlyReturns();
                yield cause.isPresent() ? abort() : ControlMessage.of(Kind.OK);
            }
            case OK, WAIT, TOPOLOGY, ADDRESSES, ABORT -> throw new IllegalArgumentException("a rank sent the answer " + message.kind());
        };
    }

    private ControlMessage register(ControlMessage message, long now) {
        if (cause.isPresent()) {
            return abort();
        }
        try {
            if (roster.register(message)) {
                ranks = roster.places().stream().map(place -> new RankState(place, now)).toList();
                observer.started(token.attempt(), roster.places());
            }
        } catch (IllegalArgumentException misfit) {
            cause.primary(report(FailureKind.CONFIGURATION, null, misfit.getMessage(), ""));
            return abort();
        }
        return roster.isComplete() ? roster.topology() : ControlMessage.of(Kind.WAIT);
    }

    private RankState hear(ControlMessage message, long now) {
        RankState state = ranks.get(message.intField("rank"));
        int rank = state.place().rank();
        if (state.hear(message, now)) {
            observer.progress(rank, state.progress());
        }
        for (String line : state.takeLines(message)) {
            observer.log(rank, line);
        }
        checkEarlyReturns();
        return state;
    }

    private ControlMessage commit(ControlMessage message) {
        if (cause.isPresent()) {
            return abort();
        }
        long step = Long.parseLong(message.field("step"));
        ledger.commit(step, message.field("location"));
        observer.committed(step, message.field("location"));
        return ControlMessage.of(Kind.OK);
    }

    private void failed(RankState state, ControlMessage message, long now) {
        String text = message.field("message");
        List<Integer> suspects = numbers(message.fields().getOrDefault("suspects", ""));
        switch (message.field("error")) {
            case "permanent" -> cause.primary(report(FailureKind.PERMANENT, state, text, message.field("stack")));
            case "configuration" -> cause.primary(report(FailureKind.CONFIGURATION, state, text, message.field("stack")));
            case "aborted" -> cause.secondary(report(FailureKind.CANCELLED, state, text, ""), now);
            case "communication" -> {
                RankState suspect = suspects.isEmpty() || suspects.get(0) >= size ? state : ranks.get(suspects.get(0));
                cause.secondary(report(FailureKind.COMMUNICATION, suspect, "seen by rank " + state.place().rank() + ": " + text, ""), now);
            }
            default -> cause.primary(report(FailureKind.RANK_FAILED, state, text, message.field("stack")));
        }
    }

    private static List<Integer> numbers(String text) {
        return text.isEmpty() ? List.of() : Arrays.stream(text.split(",")).map(Integer::valueOf).toList();
    }

    /** A rank is through too early when others have steps left that it did not take. Saving at the end may take one rank longer than the rest. */
    private void checkEarlyReturns() {
        long last = 0;
        for (RankState state : ranks) {
            last = Math.max(last, state.progress() == null ? 0 : state.progress().steps());
        }
        for (RankState state : ranks) {
            long step = state.progress() == null ? 0 : state.progress().step();
            if (state.isFinished() && step < last && !cause.isPresent()) {
                cause.primary(report(FailureKind.EARLY_RETURN, state, "the program returned after step " + step + " of " + last
                        + " while other ranks go on", ""));
            }
        }
    }

    /** An executor is gone. */
    synchronized void executorLost(String executor, String reason) {
        for (RankState state : ranks) {
            if (state.place().executor().equals(executor) && !state.isFinished() && !state.hasFailed()) {
                state.fail();
                cause.primary(report(FailureKind.EXECUTOR_LOST, state, "its executor is lost: " + reason.strip(), ""));
            }
        }
    }

    /** The run is to end. */
    synchronized void cancel(String reason) {
        cause.primary(report(FailureKind.CANCELLED, null, reason, ""));
    }

    /** The job could not be made; trying again would not help. */
    synchronized void misbuilt(String reason) {
        cause.primary(report(FailureKind.PERMANENT, null, reason, ""));
    }

    /** Spark ended the job. */
    synchronized void jobFailed(String reason) {
        if (!cause.isPresent()) {
            cause.primary(report(FailureKind.JOB, null, reason, ""));
        }
    }

    /** Looks at the clock. @return the first cause once it is certain, otherwise null */
    synchronized FailureReport tick(long nowNanos) {
        if (!roster.isComplete() && (nowNanos - startedNanos) / 1_000_000 > settings.startTimeout().toMillis() && !cause.isPresent()) {
            cause.primary(report(FailureKind.START, null, roster.arrivals() + " of " + size + " ranks came within "
                    + settings.startTimeout().toSeconds() + " s; partitions " + roster.missingPartitions()
                    + " are missing. Look at the executors' logs, or raise " + BarrierSettings.PREFIX + "startTimeout", ""));
        }
        if (!cause.isPresent() || cause.settled(nowNanos) == null) {
            for (RankState state : ranks) {
                long silent = state.silentMillis(nowNanos);
                if (state.isRunning() && silent > settings.heartbeatTimeout().toMillis()) {
                    state.silence();
                    cause.primary(report(FailureKind.SILENT, state, "no heartbeat for " + silent / 1000 + "." + silent / 100 % 10
                            + " s; its process is frozen, its host unreachable, or its machine far too busy", ""));
                }
            }
        }
        return cause.settled(nowNanos) == null ? null : cause.best();
    }

    /** The best explanation there is now, or null. */
    synchronized FailureReport explanation() {
        return cause.best();
    }

    /** Executors whose processes may hold remains of this attempt: those of ranks that did not finish. */
    synchronized List<String> dirtyExecutors() {
        return ranks.stream().filter(state -> !state.isFinished()).map(state -> state.place().executor()).distinct().toList();
    }

    /** Executors of ranks that went silent: they will not end by themselves. */
    synchronized List<String> silentExecutors() {
        return ranks.stream().filter(RankState::isSilent).map(state -> state.place().executor()).distinct().toList();
    }

    /** How many ranks are at work. */
    synchronized int running() {
        return (int) ranks.stream().filter(RankState::isRunning).count();
    }

    /** Progress of rank 0, or null. */
    synchronized Progress progress() {
        return ranks.isEmpty() ? null : ranks.get(0).progress();
    }

    private ControlMessage abort() {
        FailureReport report = cause.best();
        return new ControlMessage(Kind.ABORT, Map.of("reason", report.summary()));
    }

    private FailureReport report(FailureKind kind, RankState state, String message, String stack) {
        return new FailureReport(token.attempt(), kind, state == null ? null : state.place(), state == null ? null : state.progress(), message, stack,
                state == null ? List.of() : new ArrayList<>(state.lastLines()), 0);
    }
}
