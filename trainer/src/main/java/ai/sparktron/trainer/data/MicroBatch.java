package ai.sparktron.trainer.data;

import java.util.List;

/**
 * The tokens of one micro-batch: its rows concatenated, then padding up to a multiple that the plan asks for. T is {@link #tokens}; every array has
 * T entries.
 *
 * <p>Documents are numbered 0, 1, 2 ... in order; attention never crosses from one to another. Each padding token is a document of its own at
 * position 0 whose label is {@link #IGNORED}, so it neither sees nor is seen, and trains nothing.
 *
 * <p>The arrays belong to the receiver; they are not shared with any other batch.
 *
 * @param tokens        T
 * @param ids           token ids [T]
 * @param labels        target of each token [T], {@link #IGNORED} where nothing is trained; already shifted
 * @param weightsOrNull loss weight of each target [T], or null when every trained target weighs 1
 * @param positions     place of each token in its document [T], from 0
 * @param documents     document of each token [T], ascending from 0
 * @param rows          the rows, in order; the tokens behind them are padding
 */
public record MicroBatch(int tokens, int[] ids, int[] labels, float[] weightsOrNull, int[] positions, int[] documents, List<Row> rows) {

    /**
     * A row of a micro-batch.
     *
     * @param sample number of this use of a row among all uses since training began, which does not depend on the number of ranks
     * @param tokens of the row
     */
    public record Row(long sample, int tokens) {
    }

    /** Label of a token that has no target. */
    public static final int IGNORED = -100;

    public MicroBatch {
        rows = List.copyOf(rows);
        if (ids.length != tokens || labels.length != tokens || positions.length != tokens || documents.length != tokens
                || (weightsOrNull != null && weightsOrNull.length != tokens)) {
            throw new IllegalArgumentException("a micro-batch of " + tokens + " tokens has " + ids.length + " ids, " + labels.length + " labels, "
                    + positions.length + " positions, " + documents.length + " documents"
                    + (weightsOrNull == null ? "" : ", " + weightsOrNull.length + " weights"));
        }
    }

    /** Number of tokens with a target: what the loss of a global batch is divided by, summed over its micro-batches. */
    public int trainedTokens() {
        int trained = 0;
        for (int label : labels) {
            if (label != IGNORED) {
                trained++;
            }
        }
        return trained;
    }

    /** Number of documents, padding tokens included. */
    public int documentCount() {
        return tokens == 0 ? 0 : documents[tokens - 1] + 1;
    }
}
