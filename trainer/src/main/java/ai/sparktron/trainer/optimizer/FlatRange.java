package ai.sparktron.trainer.optimizer;

/**
 * A range of elements of the flat parameter buffer whose elements are treated alike.
 *
 * @param from  first element
 * @param to    one past the last
 * @param decay whether weight decay applies: matrices yes, biases and norms no (Megatron {@code weight_decay}'s rule)
 */
public record FlatRange(long from, long to, boolean decay) {
    public FlatRange {
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("flat range " + from + " to " + to + ": expected 0 <= from <= to");
        }
    }

    /** The part inside [lower, upper), empty (from == to) when there is none. */
    public FlatRange within(long lower, long upper) {
        long start = Math.min(Math.max(from, lower), upper);
        return new FlatRange(start, Math.max(start, Math.min(to, upper)), decay);
    }

    public long size() {
        return to - from;
    }
}
