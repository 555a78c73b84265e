package ai.sparktron.packing.shard;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;

/**
 * Concatenates samples into one row: shifts labels and weights by one within each sample and counts positions from 0. Meant to be reused, row after
 * row, with {@link #clear}; it grows to the longest row it has held.
 *
 * <p>The label of a sample's token t belongs to that token; in the row it becomes the target of token t - 1, and the last token of each sample has no
 * target. So the label of a sample's first token is never used.
 */
public final class PackedRowBuilder {

    /** Label of a token without target. */
    public static final int IGNORED = -100;

    private int[] ids = new int[1024];
    private int[] labels = new int[1024];
    private int[] positions = new int[1024];
    private float[] weights;
    private int tokens;
    private int documents;
    private int trainedTokens;

    /** Forgets the row; keeps the memory. */
    public PackedRowBuilder clear() {
        tokens = 0;
        documents = 0;
        trainedTokens = 0;
        weights = null;
        return this;
    }

    /** As the other, without a number. */
    public PackedRowBuilder add(int[] sampleIds, int[] sampleLabels, float[] sampleWeightsOrNull) {
        return add(sampleIds, sampleLabels, sampleWeightsOrNull, 0);
    }

    /**
     * Appends one sample as the row's next document.
     *
     * @param sampleIds           token ids
     * @param sampleLabels        label of each token itself, not shifted; {@link #IGNORED} where it is not trained
     * @param sampleWeightsOrNull loss weight of each token's label, not shifted; null when each trained token weighs 1
     * @param number              of the document, where the row form gives it one: stands as the weight of its last token, which has no target
     * @throws IllegalArgumentException when the arrays differ in length, are empty, a weight is negative or not finite, or the number is not finite; nothing is appended
     */
    public PackedRowBuilder add(int[] sampleIds, int[] sampleLabels, float[] sampleWeightsOrNull, float number) {
        int length = sampleIds.length;
        check(sampleIds, sampleLabels, sampleWeightsOrNull);
        if (!Float.isFinite(number)) {
            throw new IllegalArgumentException("the number of a document is " + number + ": expected a finite one");
        }
        reserve(Math.addExact(tokens, length));
        System.arraycopy(sampleIds, 0, ids, tokens, length);
        System.arraycopy(sampleLabels, 1, labels, tokens, length - 1);
        labels[tokens + length - 1] = IGNORED;
        for (int t = 0; t < length; t++) {
            positions[tokens + t] = t;
        }
        for (int t = tokens; t < tokens + length; t++) {
            trainedTokens += labels[t] == IGNORED ? 0 : 1;
        }
        if (sampleWeightsOrNull != null || weights != null || number != 0) {
            appendWeights(sampleWeightsOrNull, length);
            weights[tokens + length - 1] = number;
        }
        tokens += length;
        documents++;
        return this;
    }

    private static void check(int[] sampleIds, int[] sampleLabels, float[] sampleWeightsOrNull) {
        int length = sampleIds.length;
        if (length == 0) {
            throw new IllegalArgumentException("a sample without tokens cannot be packed: drop it before");
        }
        if (sampleLabels.length != length || (sampleWeightsOrNull != null && sampleWeightsOrNull.length != length)) {
            throw new IllegalArgumentException("a sample of " + length + " ids has " + sampleLabels.length + " labels"
                    + (sampleWeightsOrNull == null ? "" : " and " + sampleWeightsOrNull.length + " weights") + ": expected as many");
        }
        if (sampleWeightsOrNull != null) {
            for (int t = 0; t < length; t++) {
                if (!(sampleWeightsOrNull[t] >= 0 && sampleWeightsOrNull[t] <= Float.MAX_VALUE)) {
                    throw new IllegalArgumentException("loss weight of token " + t + " is " + sampleWeightsOrNull[t]
                            + ": expected a finite number that is not negative; look at loss_scale");
                }
            }
        }
    }

    private void appendWeights(float[] sampleWeightsOrNull, int length) {
        if (weights == null) {
            weights = new float[ids.length];
            for (int t = 0; t < tokens; t++) {
                weights[t] = labels[t] == IGNORED ? 0 : 1;
            }
        }
        for (int t = 0; t < length; t++) {
            boolean trained = labels[tokens + t] != IGNORED;
            weights[tokens + t] = !trained ? 0 : sampleWeightsOrNull == null ? 1 : sampleWeightsOrNull[t + 1];
        }
    }

    private void reserve(int needed) {
        if (needed > ids.length) {
            int size = (int) Math.min(Integer.MAX_VALUE - 8L, Math.max(needed, 2L * ids.length));
            ids = Arrays.copyOf(ids, size);
            labels = Arrays.copyOf(labels, size);
            positions = Arrays.copyOf(positions, size);
            weights = weights == null ? null : Arrays.copyOf(weights, size);
        }
    }

    /** Tokens of the row so far. */
    public int tokens() {
        return tokens;
    }

    /** Samples of the row so far. */
    public int documents() {
        return documents;
    }

    /** Tokens with a target so far. */
    public int trainedTokens() {
        return trainedTokens;
    }

    /** The row as views of this builder's arrays; the next {@link #add} or {@link #clear} changes or detaches them. */
    public TokenRow view() {
        return new TokenRow(IntBuffer.wrap(ids, 0, tokens).slice(), IntBuffer.wrap(labels, 0, tokens).slice(),
                IntBuffer.wrap(positions, 0, tokens).slice(), weights == null ? null : FloatBuffer.wrap(weights, 0, tokens).slice());
    }

    /** The row as views of copies. */
    public TokenRow toRow() {
        return new TokenRow(IntBuffer.wrap(Arrays.copyOf(ids, tokens)), IntBuffer.wrap(Arrays.copyOf(labels, tokens)),
                IntBuffer.wrap(Arrays.copyOf(positions, tokens)), weights == null ? null : FloatBuffer.wrap(Arrays.copyOf(weights, tokens)));
    }

    int[] ids() {
        return ids;
    }

    int[] labels() {
        return labels;
    }

    int[] positions() {
        return positions;
    }

    float[] weightsOrNull() {
        return weights;
    }
}
