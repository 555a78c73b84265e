package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * Which document each token of a packed run belongs to and where in it. There is no batch dimension: attention goes from a token to the tokens of
 * the same document at the same or a smaller position, rope uses the positions.
 *
 * <p>Tokens of a document are neighbours in ascending position, and document numbers ascend. A run may hold only parts of documents (context parallel
 * chunks, a key/value cache); {@code starts} then still lists where the document number changes.
 *
 * @param tokens    T
 * @param positions I32 [T] on the engine, from 0 in each document
 * @param documents I32 [T] on the engine
 * @param starts    on the host: index of each document's first token, ascending from 0, and T as last entry (cu_seqlens); length documents + 1
 * @param hostPositions on the host: the positions
 * @param hostDocuments on the host: the documents
 */
public record TokenLayout(int tokens, Tensor positions, Tensor documents, int[] starts, int[] hostPositions, int[] hostDocuments) {

    /** Tokens of the longest document part. */
    public int longest() {
        int longest = 0;
        for (int d = 0; d + 1 < starts.length; d++) {
            longest = Math.max(longest, starts[d + 1] - starts[d]);
        }
        return longest;
    }
}
