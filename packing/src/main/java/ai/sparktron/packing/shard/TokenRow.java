package ai.sparktron.packing.shard;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * One row as views: of a mapped shard, or of arrays. Each buffer runs from position 0 to its limit, which is the row's number of tokens; reading
 * with absolute indices leaves it as it is. A view of a shard is valid until its reader is closed.
 *
 * @param ids           token ids
 * @param labels        target of each token, -100 where nothing is trained
 * @param positions     place of each token in its document; 0 starts a document
 * @param weightsOrNull loss weight of each target, and at the end of each document its number; null when every trained target weighs 1 and every number is 0
 */
public record TokenRow(IntBuffer ids, IntBuffer labels, IntBuffer positions, FloatBuffer weightsOrNull) {

    public TokenRow {
        if (labels.limit() != ids.limit() || positions.limit() != ids.limit() || (weightsOrNull != null && weightsOrNull.limit() != ids.limit())) {
            throw new IllegalArgumentException("a row of " + ids.limit() + " ids has " + labels.limit() + " labels, " + positions.limit()
                    + " positions" + (weightsOrNull == null ? "" : ", " + weightsOrNull.limit() + " weights"));
        }
    }

    /** Number of tokens. */
    public int tokens() {
        return ids.limit();
    }
}
