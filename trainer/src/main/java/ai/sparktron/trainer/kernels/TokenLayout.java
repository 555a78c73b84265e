package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;

/**
 * Which document each token of a packed run belongs to and where in it. There is no batch dimension: attention goes from a token to the tokens of
 * the same document at the same or a smaller position, rope uses the positions.
 *
 * <p>Tokens of a document are neighbours in ascending position, and document numbers ascend. A run may hold only parts of documents (context parallel
 * chunks, a key/value cache); {@code starts} then still lists where the document number changes. All of this is checked when a layout is made, so
 * that attention may rely on it.
 *
 * @param tokens    T
 * @param positions I32 [T] on the engine, from 0 in each document
 * @param documents I32 [T] on the engine
 * @param starts    on the host: index of each document's first token, ascending from 0, and T as last entry (cu_seqlens); length documents + 1
 * @param hostPositions on the host: the positions
 * @param hostDocuments on the host: the documents
 */
public record TokenLayout(int tokens, Tensor positions, Tensor documents, int[] starts, int[] hostPositions, int[] hostDocuments) {

    public TokenLayout {
        if (hostPositions.length != tokens || hostDocuments.length != tokens || starts.length == 0 || starts[0] != 0
                || starts[starts.length - 1] != tokens) {
            throw new IllegalArgumentException("layout of " + tokens + " tokens with " + hostPositions.length + " positions, " + hostDocuments.length
                    + " documents and starts of " + starts.length + " entries: expected one position and document a token, starts from 0 to the number of tokens");
        }
        int document = 0;
        for (int t = 0; t < tokens; t++) {
            boolean first = starts[document] == t;
            boolean sameDocument = t > 0 && hostDocuments[t] == hostDocuments[t - 1];
            if (first) {
                document++;
            }
            if (first == sameDocument || t > 0 && hostDocuments[t] < hostDocuments[t - 1]
                    || sameDocument && hostPositions[t] <= hostPositions[t - 1]) {
                throw new IllegalArgumentException("layout token " + t + ": document " + hostDocuments[t] + " position " + hostPositions[t]
                        + (t == 0 ? "" : " after document " + hostDocuments[t - 1] + " position " + hostPositions[t - 1])
                        + (first ? ", a start" : ", no start") + "; expected ascending documents, ascending positions within one, starts where it changes");
            }
        }
        if (document != starts.length - 1) {
            throw new IllegalArgumentException("layout of " + document + " documents with " + (starts.length - 1) + " starts");
        }
    }

    /** The starts that belong to documents: 0, every token whose document differs from the one before, and T. */
    public static int[] startsOf(int[] documents) {
        int[] starts = new int[documents.length + 1];
        int count = 0;
        for (int t = 0; t < documents.length; t++) {
            if (t == 0 || documents[t] != documents[t - 1]) {
                starts[count++] = t;
            }
        }
        starts[count++] = documents.length;
        return Arrays.copyOf(starts, documents.length == 0 ? 1 : count);
    }

    /** The layout of tokens {@code from} (inclusive) to {@code from + count}. Shares memory on the engine. */
    public TokenLayout rows(int from, int count) {
        int[] documentsThere = Arrays.copyOfRange(hostDocuments, from, from + count);
        return new TokenLayout(count, positions.rows(from, count), documents.rows(from, count), startsOf(documentsThere),
                Arrays.copyOfRange(hostPositions, from, from + count), documentsThere);
    }

    /** Tokens of the longest document part. */
    public int longest() {
        int longest = 0;
        for (int d = 0; d + 1 < starts.length; d++) {
            longest = Math.max(longest, starts[d + 1] - starts[d]);
        }
        return longest;
    }
}
