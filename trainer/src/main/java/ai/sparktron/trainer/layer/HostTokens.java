package ai.sparktron.trainer.layer;

import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * A micro-batch on the host.
 *
 * @param ids       [T] token ids
 * @param labels    [T] target of each token, negative = not trained; null = no loss is asked for
 * @param weights   [T] weight of each token's loss; null = 1
 * @param positions [T] from 0 in each document
 * @param documents [T] ascending
 * @param reach     1 + the largest position of the whole micro-batch, of which these tokens may be a part
 * @param names     of all tokens, for what is left out at random in training; null = nothing is left out
 */
public record HostTokens(int[] ids, int[] labels, float[] weights, int[] positions, int[] documents, int reach, TokenNames names) {
    public HostTokens {
        Objects.requireNonNull(ids, "ids");
        int tokens = ids.length;
        if (tokens == 0 || positions.length != tokens || documents.length != tokens || labels != null && labels.length != tokens
                || weights != null && weights.length != tokens) {
            throw new IllegalStateException("micro-batch of " + tokens + " ids, " + positions.length + " positions, " + documents.length + " documents, "
                    + (labels == null ? "no" : labels.length) + " labels, " + (weights == null ? "no" : weights.length) + " weights: expected as many of each");
        }
        if (names != null && names.tokens() != tokens) {
            throw new IllegalStateException("micro-batch of " + tokens + " tokens, names of " + names.tokens() + ": expected one of each token, padding too");
        }
    }

    /** Whole documents. */
    public static HostTokens of(int[] ids, int[] labels, float[] weights, int[] positions, int[] documents) {
        return new HostTokens(ids, labels, weights, positions, documents, Arrays.stream(positions).max().orElse(0) + 1, null);
    }

    /** The same tokens with names. */
    public HostTokens named(TokenNames tokenNames) {
        return new HostTokens(ids, labels, weights, positions, documents, reach, tokenNames);
    }

    /** One document from {@code firstPosition} on, without labels: for generation. */
    public static HostTokens sequence(int[] ids, int firstPosition) {
        int[] positions = new int[ids.length];
        Arrays.setAll(positions, i -> firstPosition + i);
        return of(ids, null, null, positions, new int[ids.length]);
    }

    /** The same tokens, none of which is trained. */
    public HostTokens untrained() {
        int[] none = new int[ids.length];
        Arrays.fill(none, -1);
        return new HostTokens(ids, none, weights, positions, documents, reach, names);
    }

    /** These and, up to a multiple of so many tokens, documents of one token that train nothing. */
    public HostTokens padded(int multiple) {
        int old = ids.length;
        int length = (old + multiple - 1) / multiple * multiple;
        int[] longerDocuments = Arrays.copyOf(documents, length);
        int[] longerLabels = labels == null ? null : Arrays.copyOf(labels, length);
        for (int t = old; t < length; t++) {
            longerDocuments[t] = longerDocuments[t - 1] + 1;
            if (longerLabels != null) {
                longerLabels[t] = -1;
            }
        }
        return new HostTokens(Arrays.copyOf(ids, length), longerLabels, weights == null ? null : Arrays.copyOf(weights, length), Arrays.copyOf(positions, length),
                longerDocuments, reach, names == null ? null : names.upTo(length));
    }

    /** The tokens of some documents, which are numbered anew from 0. @throws IllegalStateException when there are none */
    public HostTokens ofDocuments(IntPredicate wanted) {
        HostTokens picked = pick(IntStream.range(0, ids.length).filter(t -> wanted.test(documents[t])).toArray());
        int[] renumbered = new int[picked.tokens()];
        for (int t = 1; t < renumbered.length; t++) {
            renumbered[t] = renumbered[t - 1] + (picked.documents[t] == picked.documents[t - 1] ? 0 : 1);
        }
        return of(picked.ids, picked.labels, picked.weights, picked.positions, renumbered).named(picked.names);
    }

    /**
     * In the place of each token the one that comes so many after it in its document, with its label and weight; behind the last one id 0, which trains nothing.
     * Positions and documents stay those of this token.
     */
    HostTokens ahead(int distance) {
        int[] furtherIds = new int[ids.length];
        int[] furtherLabels = labels == null ? null : new int[ids.length];
        float[] furtherWeights = weights == null ? null : new float[ids.length];
        for (int t = 0; t < ids.length; t++) {
            int from = t + distance;
            boolean there = from < ids.length && documents[from] == documents[t];
            furtherIds[t] = there ? ids[from] : 0;
            if (labels != null) {
                furtherLabels[t] = there ? labels[from] : -1;
            }
            if (weights != null) {
                furtherWeights[t] = there ? weights[from] : 0;
            }
        }
        return new HostTokens(furtherIds, furtherLabels, furtherWeights, positions, documents, reach, names);
    }

    /** Some of the tokens, in ascending order. */
    HostTokens pick(int[] indices) {
        int[] pickedLabels = labels == null ? null : pick(labels, indices);
        float[] pickedWeights = weights == null ? null : new float[indices.length];
        for (int i = 0; weights != null && i < indices.length; i++) {
            pickedWeights[i] = weights[indices[i]];
        }
        return new HostTokens(pick(ids, indices), pickedLabels, pickedWeights, pick(positions, indices), pick(documents, indices), reach,
                names == null ? null : names.pick(indices));
    }

    private static int[] pick(int[] values, int[] indices) {
        int[] picked = new int[indices.length];
        for (int i = 0; i < indices.length; i++) {
            picked[i] = values[indices[i]];
        }
        return picked;
    }

    public int tokens() {
        return ids.length;
    }

    /** Tokens without the padding at the end: documents of one token that train nothing. */
    public int realTokens() {
        int end = ids.length;
        while (end > 0 && positions[end - 1] == 0 && (labels == null || labels[end - 1] < 0)) {
            end--;
        }
        return end;
    }

    /** Tokens whose loss is trained. */
    public int trainedTokens() {
        int trained = 0;
        for (int label : labels == null ? new int[0] : labels) {
            trained += label >= 0 ? 1 : 0;
        }
        return trained;
    }
}
