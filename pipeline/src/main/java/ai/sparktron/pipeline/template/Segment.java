package ai.sparktron.pipeline.template;

import java.util.List;
import java.util.Objects;

/**
 * A piece of rendered text with its loss weight. Adjacent segments of equal weight are joined before tokenization, so that a token never
 * straddles a border that the template did not mean.
 *
 * @param text   text with the template's special tokens spelled out
 * @param weight 0 = label -100, 1 = trained, other = trained with that weight
 * @param parseSpecialTokens whether spellings of added tokens in {@code text} become those tokens; false for text that came from the row
 *                           when {@code split_special_tokens} is on
 */
public record Segment(String text, float weight, boolean parseSpecialTokens) {
    public Segment {
        Objects.requireNonNull(text, "text");
        if (!(weight >= 0)) {
            throw new IllegalArgumentException("loss weight " + weight + " of a segment: expected >= 0");
        }
    }

    /** The texts of segments joined. */
    public static String text(List<Segment> segments) {
        StringBuilder out = new StringBuilder();
        segments.forEach(segment -> out.append(segment.text()));
        return out.toString();
    }
}
