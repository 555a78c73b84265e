package ai.sparktron.jobs.barrier;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the driver knows of one rank. Guarded by the coordinator. */
final class RankState {

    private static final int KEPT_LINES = 100;

    private final RankPlace place;
    private final ArrayDeque<String> lines = new ArrayDeque<>();
    private Progress progress;
    private long heardNanos;
    private boolean finished;
    private boolean failed;
    private boolean silent;

    RankState(RankPlace place, long nowNanos) {
        this.place = place;
        this.heardNanos = nowNanos;
    }

    RankPlace place() {
        return place;
    }

    Progress progress() {
        return progress;
    }

    boolean isFinished() {
        return finished;
    }

    boolean hasFailed() {
        return failed;
    }

    /** Neither finished nor failed. */
    boolean isRunning() {
        return !finished && !failed;
    }

    void finish() {
        finished = true;
    }

    void fail() {
        failed = true;
    }

    void silence() {
        silent = true;
        failed = true;
    }

    boolean isSilent() {
        return silent;
    }

    long silentMillis(long nowNanos) {
        return (nowNanos - heardNanos) / 1_000_000;
    }

    /** Takes what a message says of progress. @return whether there was progress in it */
    boolean hear(ControlMessage message, long nowNanos) {
        heardNanos = nowNanos;
        if (!message.fields().containsKey("step")) {
            return false;
        }
        Map<String, Double> figures = new HashMap<>();
        message.fields().forEach((name, value) -> {
            if (name.startsWith("figure.")) {
                figures.put(name.substring(7), Double.valueOf(value));
            }
        });
        progress = new Progress(Long.parseLong(message.field("step")), Long.parseLong(message.field("steps")), message.field("phase"), figures);
        return true;
    }

    /** Keeps and returns the lines of a message. */
    List<String> takeLines(ControlMessage message) {
        List<String> taken = new ArrayList<>();
        for (int i = 0; message.fields().containsKey("line." + i); i++) {
            String line = message.field("line." + i);
            taken.add(line);
            lines.add(line);
            if (lines.size() > KEPT_LINES) {
                lines.remove();
            }
        }
        return taken;
    }

    List<String> lastLines() {
        return List.copyOf(lines);
    }
}
