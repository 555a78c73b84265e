package ai.sparktron.jobs.cli;

import java.util.function.Consumer;

/**
 * Keeps a think block without thoughts, which models with two modes write first, away from the eyes of a person: the start of an answer waits until it is
 * clear whether it is one. For one answer.
 */
final class EmptyThought implements Consumer<String> {

    private static final String OPEN = "<think>";
    private static final String CLOSE = "</think>";

    private final Consumer<String> shown;
    private final StringBuilder start = new StringBuilder();
    private boolean passed;

    EmptyThought(Consumer<String> shown) {
        this.shown = shown;
    }

    @Override
    public void accept(String piece) {
        if (passed) {
            shown.accept(piece);
            return;
        }
        start.append(piece);
        String text = start.toString();
        String rest = withoutBlock(text);
        if (rest == null) {
            return;
        }
        if (!rest.isEmpty()) {
            passed = true;
            shown.accept(rest);
        }
    }

    /** The end of the answer: what still waits is shown. */
    void finish() {
        if (!passed) {
            String rest = withoutBlock(start.toString());
            shown.accept(rest == null ? start.toString() : rest);
            passed = true;
        }
    }

    /** The text behind an empty think block, or the text itself when it begins otherwise; null while that is open. */
    private static String withoutBlock(String text) {
        if (!text.startsWith(OPEN)) {
            return OPEN.startsWith(text) ? null : text;
        }
        String inside = text.substring(OPEN.length()).stripLeading();
        if (inside.startsWith(CLOSE)) {
            String rest = inside.substring(CLOSE.length()).stripLeading();
            return rest.isEmpty() ? null : rest;
        }
        return CLOSE.startsWith(inside) ? null : text;
    }
}
