package ai.sparktron.trainer.parallel.schedule;

import java.util.ArrayList;
import java.util.List;

/**
 * When each stage computes what: all stages' schedules played against each other in whole units of time, messages taking none.
 *
 * @param stages computations of each stage, in order
 */
public record Timeline(List<List<Span>> stages) {

    /**
     * One computation.
     *
     * @param computation forward or backward
     * @param start       first unit of time
     * @param end         unit behind the last
     */
    public record Span(Action computation, int start, int end) {
    }

    /** How long computations take. */
    @FunctionalInterface
    public interface Work {
        /** Units of time. */
        int units(int stage, Action computation);

        /** Every chunk has as much to do, and backward, which has two products for each one of forward, takes twice as long. */
        static Work even() {
            return (stage, computation) -> computation instanceof Action.Forward ? 1 : 2;
        }

        /** As {@link #even}, times the layers of each chunk; what embeds and the head are left out. @param layers [stage][chunk] */
        static Work ofLayers(int[][] layers) {
            return (stage, computation) -> layers[stage][computation.chunk()] * even().units(stage, computation);
        }
    }

    /** When a stage that sends goes on. */
    public enum Sends {
        /** At once: the message is under way. */
        ASYNCHRONOUS,
        /** When its receiver has begun to receive it, or the message {@link Pipeline#messagesAhead} before it. */
        RENDEZVOUS
    }

    public Timeline {
        stages = stages.stream().map(List::copyOf).toList();
    }

    /**
     * Plays the schedules.
     *
     * @param schedules of all stages, in order
     * @throws IllegalStateException when they do not fit each other: a computation without its input, messages in another order than they are received in, or
     *                               stages that wait for each other for ever; names stages and actions
     */
    public static Timeline of(List<Schedule> schedules, Work work, Sends sends) {
        return new Playback(schedules, work, sends).play();
    }

    /** Units of time from the first computation to the end of the last. */
    public int length() {
        return stages.stream().flatMap(List::stream).mapToInt(Span::end).max().orElse(0);
    }

    /** Part of all stages' time, from 0 to 1, in which they have nothing to do. (stages - 1) / (chunks * micro-batches + stages - 1) where work is even. */
    public double bubble() {
        long busy = stages.stream().flatMap(List::stream).mapToLong(span -> span.end() - span.start()).sum();
        long all = (long) length() * stages.size();
        return all == 0 ? 0 : 1 - (double) busy / all;
    }

    /** A line a stage, a column a unit of time: {@code F3} is forward of micro-batch 3, {@code B3.1} its backward in chunk 1, a point is idleness. */
    public String text() {
        boolean chunked = stages.stream().flatMap(List::stream).anyMatch(span -> span.computation().chunk() > 0);
        int width = stages.stream().flatMap(List::stream).mapToInt(span -> label(span.computation(), chunked).length()).max().orElse(1);
        StringBuilder text = new StringBuilder();
        for (int stage = 0; stage < stages.size(); stage++) {
            List<String> cells = new ArrayList<>();
            for (Span span : stages.get(stage)) {
                while (cells.size() < span.start()) {
                    cells.add(".");
                }
                while (cells.size() < span.end()) {
                    cells.add(label(span.computation(), chunked));
                }
            }
            while (cells.size() < length()) {
                cells.add(".");
            }
            text.append("stage ").append(stage).append(" |");
            cells.forEach(cell -> text.append(' ').append(cell).append(" ".repeat(width - cell.length())));
            text.setLength(text.toString().stripTrailing().length());
            text.append('\n');
        }
        return text.toString();
    }

    private static String label(Action computation, boolean chunked) {
        return (computation instanceof Action.Forward ? "F" : "B") + computation.microBatch() + (chunked ? "." + computation.chunk() : "");
    }
}
