package ai.sparktron.packing.shard;

import java.io.Serializable;

/**
 * How much a shard or a data set holds.
 *
 * @param rows          packed rows
 * @param tokens        tokens in all rows
 * @param trainedTokens tokens with a target
 * @param documents     samples in all rows
 */
public record ShardCounts(long rows, long tokens, long trainedTokens, long documents) implements Serializable {

    /** Nothing. */
    public static final ShardCounts ZERO = new ShardCounts(0, 0, 0, 0);

    public ShardCounts {
        if (rows < 0 || tokens < rows || trainedTokens < 0 || trainedTokens > tokens || documents < rows || documents > tokens) {
            throw new IllegalArgumentException("impossible counts: " + rows + " rows, " + tokens + " tokens, " + trainedTokens
                    + " trained tokens, " + documents + " documents");
        }
    }

    /** Both together. */
    public ShardCounts plus(ShardCounts other) {
        return new ShardCounts(rows + other.rows, tokens + other.tokens, trainedTokens + other.trainedTokens, documents + other.documents);
    }
}
