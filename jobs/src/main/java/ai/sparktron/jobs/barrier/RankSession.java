package ai.sparktron.jobs.barrier;

import ai.sparktron.jobs.barrier.ControlMessage.Kind;
import ai.sparktron.trainer.comm.World;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One rank of one attempt, from its registration to its end: the environment of the program and the messages to the driver. */
final class RankSession implements RankEnvironment {

    /** More lines than this between two heartbeats are dropped, oldest first. */
    private static final int WAITING_LINES = 1_000;

    private final RankTask.Plan plan;
    private final ControlChannel channel;
    private final List<RankPlace> places;
    private final RankPlace place;
    private final ArrayDeque<String> lines = new ArrayDeque<>();
    private Progress progress;
    private volatile World world;
    private volatile String stopReason;
    private volatile Runnable onProgress = () -> { };

    RankSession(RankTask.Plan plan, ControlChannel channel, List<RankPlace> places, RankPlace place) {
        this.plan = plan;
        this.channel = channel;
        this.places = places;
        this.place = place;
    }

    @Override
    public int rank() {
        return place.rank();
    }

    @Override
    public int size() {
        return plan.size();
    }

    @Override
    public int localRank() {
        return (int) places.stream().filter(other -> other.host().equals(place.host()) && other.rank() < place.rank()).count();
    }

    @Override
    public String host() {
        return place.host();
    }

    @Override
    public int device() {
        if (place.gpu().isEmpty()) {
            return localRank();
        }
        String first = place.gpu().split(",")[0];
        try {
            return Integer.parseInt(first);
        } catch (NumberFormatException name) {
            throw new IllegalArgumentException("Spark gave this task the GPU address '" + first + "'; expected an index from 0. Let the discovery"
                    + " script of the workers print indices", name);
        }
    }

    @Override
    public boolean isLocal() {
        return plan.local();
    }

    @Override
    public World world() {
        return world;
    }

    /** The other ranks are there. */
    void enter(World joined) {
        world = joined;
        if (stopReason != null) {
            abort(new AttemptAbortedException(stopReason));
        }
    }

    /** The world, or null before it was joined. */
    World worldOrNull() {
        return world;
    }

    List<RankPlace> places() {
        return places;
    }

    ControlChannel channel() {
        return channel;
    }

    /** Ends the world, where there is one. */
    void abort(Throwable cause) {
        World joined = world;
        if (joined != null) {
            joined.abort(cause);
        }
    }

    @Override
    public int attempt() {
        return plan.token().attempt();
    }

    @Override
    public String attemptId() {
        return plan.token().id();
    }

    @Override
    public Optional<String> resumeFrom() {
        return Optional.ofNullable(plan.resumeFrom());
    }

    @Override
    public void progress(Progress now) {
        synchronized (this) {
            progress = now;
        }
        onProgress.run();
    }

    /** Who wants to know at once. */
    void onProgress(Runnable listener) {
        onProgress = listener;
    }

    @Override
    public synchronized void log(String line) {
        lines.add(line);
        if (lines.size() > WAITING_LINES) {
            lines.remove();
        }
    }

    @Override
    public void checkMayCommit() {
        ask("a checkpoint", message(Kind.MAY_COMMIT));
    }

    @Override
    public void committed(long step, String location) {
        Map<String, String> fields = new LinkedHashMap<>(message(Kind.COMMITTED).fields());
        fields.put("step", String.valueOf(step));
        fields.put("location", location);
        ask("the checkpoint of step " + step, new ControlMessage(Kind.COMMITTED, fields));
    }

    private void ask(String what, ControlMessage message) {
        if (stopReason != null) {
            throw new AttemptAbortedException(what + " is not wanted any more: " + stopReason);
        }
        try {
            ControlMessage answer = channel.ask(message);
            if (answer.kind() == Kind.ABORT) {
                throw new AttemptAbortedException(what + " is not wanted any more: " + answer.field("reason"));
            }
        } catch (IOException failure) {
            throw new AttemptAbortedException(what + " cannot be agreed on with the driver: " + failure.getMessage());
        }
    }

    @Override
    public boolean stopRequested() {
        return stopReason != null;
    }

    /** Why the attempt is over, or null. */
    String stopReason() {
        return stopReason;
    }

    /** Tells the program and all groups that the attempt is over. */
    void stop(String reason) {
        if (stopReason == null) {
            stopReason = reason;
        }
        abort(new AttemptAbortedException(reason));
    }

    /** One heartbeat. @return why the attempt is over, or null when it goes on */
    String heartbeat() throws IOException {
        ControlMessage answer = channel.ask(report(Kind.HEARTBEAT, Map.of()));
        return answer.kind() == Kind.ABORT ? answer.field("reason") : null;
    }

    /** The program returned. @throws AttemptAbortedException when that was too early */
    void finished() throws IOException {
        ControlMessage answer = channel.ask(report(Kind.FINISHED, Map.of()));
        if (answer.kind() == Kind.ABORT) {
            throw new AttemptAbortedException(answer.field("reason"));
        }
    }

    /** The program threw. @return whether this process should make way for a fresh one, for another attempt follows */
    boolean failed(Throwable error) throws IOException {
        ControlMessage answer = channel.ask(report(Kind.FAILED, FailureText.fields(error, stopReason)));
        return !"false".equals(answer.fields().get("retire"));
    }

    private ControlMessage message(Kind kind) {
        return ControlMessage.of(kind, "token", plan.token().text(), "rank", String.valueOf(place.rank()));
    }

    private synchronized ControlMessage report(Kind kind, Map<String, String> more) {
        Map<String, String> fields = new LinkedHashMap<>(message(kind).fields());
        if (progress != null) {
            fields.put("step", String.valueOf(progress.step()));
            fields.put("steps", String.valueOf(progress.steps()));
            fields.put("phase", progress.phase());
            progress.figures().forEach((name, value) -> fields.put("figure." + name, value.toString()));
        }
        for (int i = 0; !lines.isEmpty(); i++) {
            fields.put("line." + i, lines.remove());
        }
        fields.putAll(more);
        return new ControlMessage(kind, fields);
    }
}
