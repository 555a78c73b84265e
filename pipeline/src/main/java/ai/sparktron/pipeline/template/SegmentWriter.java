package ai.sparktron.pipeline.template;

import java.util.ArrayList;
import java.util.List;

/** Collects segments: markup, whose special tokens count, and a row's text, whose may not. */
final class SegmentWriter {

    private final List<Segment> segments = new ArrayList<>();
    private final boolean parseRowText;

    SegmentWriter(RenderOptions options) {
        this.parseRowText = !options.splitSpecialTokens();
    }

    /** For text that is all markup. */
    SegmentWriter() {
        this.parseRowText = true;
    }

    void markup(String text, float weight) {
        add(text, weight, true);
    }

    void rowText(String text, float weight) {
        add(text, weight, parseRowText);
    }

    /** A block of markup with a row's text in the place of {@code hole}. */
    void filled(String block, String hole, String rowText, float weight, float textWeight) {
        int at = block.indexOf(hole);
        markup(block.substring(0, at), weight);
        rowText(rowText, textWeight);
        markup(block.substring(at + hole.length()), weight);
    }

    private void add(String text, float weight, boolean parse) {
        if (text.isEmpty()) {
            return;
        }
        int last = segments.size() - 1;
        if (last >= 0 && segments.get(last).weight() == weight && segments.get(last).parseSpecialTokens() == parse) {
            segments.set(last, new Segment(segments.get(last).text() + text, weight, parse));
        } else {
            segments.add(new Segment(text, weight, parse));
        }
    }

    List<Segment> segments() {
        return List.copyOf(segments);
    }
}
