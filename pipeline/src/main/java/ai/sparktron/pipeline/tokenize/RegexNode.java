package ai.sparktron.pipeline.tokenize;

import java.util.BitSet;
import java.util.List;

/** The tree of a regular expression, as {@link RegexParser} reads it and {@link Regex} compiles it. */
sealed interface RegexNode {

    /** How a repetition gives back. */
    enum Mode { GREEDY, LAZY, POSSESSIVE }

    /** A place between characters. */
    enum Place { LINE_START, LINE_END, START, END, BEFORE_LAST_NEWLINE, WORD_BORDER, NO_WORD_BORDER }

    /** One character of a set. */
    record One(BitSet set) implements RegexNode { }

    /** One after the other. */
    record Sequence(List<RegexNode> parts) implements RegexNode { }

    /** The first that leads to a match. */
    record Choice(List<RegexNode> options) implements RegexNode { }

    /** At least {@code min} and at most {@code max} times. */
    record Repeat(RegexNode body, int min, int max, Mode mode) implements RegexNode { }

    /** Matches as if alone; what it took is not given back. */
    record Atomic(RegexNode body) implements RegexNode { }

    /** A look ahead or behind that takes nothing. */
    record Look(RegexNode body, boolean isAhead, boolean isNegative) implements RegexNode { }

    /** An anchor. */
    record Anchor(Place place) implements RegexNode { }

    /** Characters that every match has, or -1 when they differ. */
    static int width(RegexNode node) {
        if (node instanceof One) {
            return 1;
        }
        if (node instanceof Sequence sequence) {
            int width = 0;
            for (RegexNode part : sequence.parts()) {
                int partWidth = width(part);
                if (partWidth < 0) {
                    return -1;
                }
                width += partWidth;
            }
            return width;
        }
        if (node instanceof Choice choice) {
            int width = width(choice.options().get(0));
            return choice.options().stream().allMatch(option -> width(option) == width) ? width : -1;
        }
        if (node instanceof Repeat repeat) {
            int width = width(repeat.body());
            return repeat.min() == repeat.max() && width >= 0 ? width * repeat.min() : -1;
        }
        return node instanceof Atomic atomic ? width(atomic.body()) : 0;
    }
}
