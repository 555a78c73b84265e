package ai.sparktron.pipeline.tokenize;

/**
 * One tokenized sample, before packing. {@code labels[t]} belongs to {@code ids[t]} itself (the shift by one happens when rows are packed into
 * shards); the first label is always -100.
 *
 * @param ids     token ids
 * @param labels  the same ids where trained, otherwise {@link #IGNORED}
 * @param weights loss weight per token, or null when every trained token weighs 1
 * @param number  of the sample as a whole, such as its label; 0 where it has none
 */
public record Example(int[] ids, int[] labels, float[] weights, float number) {

    /** Label of a token that is not trained. */
    public static final int IGNORED = -100;

    /** Without a number. */
    public Example(int[] ids, int[] labels, float[] weights) {
        this(ids, labels, weights, 0);
    }

    public Example {
        if (ids.length != labels.length || (weights != null && weights.length != ids.length)) {
            throw new IllegalArgumentException("ids, labels and weights differ in length: " + ids.length + ", " + labels.length
                    + (weights == null ? "" : ", " + weights.length));
        }
    }

    /** The same sample with a number. */
    public Example numbered(float other) {
        return new Example(ids, labels, weights, other);
    }
}
