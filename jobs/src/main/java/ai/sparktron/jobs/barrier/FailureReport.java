package ai.sparktron.jobs.barrier;

import java.util.List;

/**
 * Why an attempt ended: its first cause.
 *
 * @param attempt   number of the attempt
 * @param kind      what happened
 * @param place     the rank it happened to, null when it is nobody's
 * @param progress  how far that rank was, null when unknown
 * @param message   what went wrong
 * @param stack     stack of the rank, empty when there is none
 * @param lastLines what the rank logged last
 * @param later     how many other failures followed from it
 */
public record FailureReport(int attempt, FailureKind kind, RankPlace place, Progress progress, String message, String stack, List<String> lastLines,
                            int later) {

    public FailureReport {
        lastLines = List.copyOf(lastLines);
    }

    /** One line: {@code attempt 1: rank 1 (host ..., executor 0, pid 17, GPU 3) at step 12/100: what}. */
    public String summary() {
        StringBuilder text = new StringBuilder("attempt ").append(attempt).append(": ");
        if (place != null) {
            text.append(place);
            if (progress != null) {
                text.append(" at ").append(progress);
            }
            text.append(": ");
        }
        return text.append(message).toString();
    }

    /** All of it, for people. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(summary()).append("  [").append(kind).append(']');
        if (later > 0) {
            text.append("\n  ").append(later).append(" more failure(s) of other ranks followed from it");
        }
        if (!lastLines.isEmpty()) {
            text.append("\n  last lines of the rank:");
            lastLines.forEach(line -> text.append("\n  | ").append(line));
        }
        if (!stack.isEmpty()) {
            text.append("\n  stack of the rank:\n").append(stack.stripTrailing().indent(4).stripTrailing());
        }
        return text.toString();
    }

    FailureReport withLater(int count) {
        return new FailureReport(attempt, kind, place, progress, message, stack, lastLines, count);
    }
}
