package ai.sparktron.pipeline.template.jinja;

import java.util.List;

/**
 * A rendered template.
 *
 * @param text      the text
 * @param generated what stood inside {@code {% generation %}} blocks, in order, not overlapping
 */
public record Rendered(String text, List<Span> generated) {

    /** A part of the text: {@code [start, end)} in {@code char}s. */
    public record Span(int start, int end) {
    }

    public Rendered {
        generated = List.copyOf(generated);
    }
}
