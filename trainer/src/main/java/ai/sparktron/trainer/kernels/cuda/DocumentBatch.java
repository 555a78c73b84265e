package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.TokenLayout;
import java.util.Arrays;

/**
 * The documents of a call of attention as a batch, found out once a layout: layers follow each other with the same one.
 */
final class DocumentBatch {

    private TokenLayout queries;
    private TokenLayout keys;
    private boolean sameTokens;
    private boolean allSeen;
    private int longest;
    private int longestKeys;
    private boolean equal;

    /** Looks at the layouts of a call. */
    DocumentBatch of(TokenLayout queryLayout, TokenLayout keyLayout) {
        if (queryLayout != queries || keyLayout != keys) {
            queries = queryLayout;
            keys = keyLayout;
            sameTokens = queryLayout == keyLayout || same(queryLayout, keyLayout);
            allSeen = !sameTokens && allSeen(queryLayout, keyLayout);
            longest = queryLayout.longest();
            longestKeys = sameTokens ? longest : keyLayout.longest();
            equal = equal(queryLayout, longest) && (sameTokens || equal(keyLayout, longestKeys));
        }
        return this;
    }

    private static boolean same(TokenLayout a, TokenLayout b) {
        return Arrays.equals(a.starts(), b.starts()) && Arrays.equals(a.hostDocuments(), b.hostDocuments()) && Arrays.equals(a.hostPositions(), b.hostPositions());
    }

    /** Whether the same documents are in both, and all keys of each come before its queries. */
    private static boolean allSeen(TokenLayout queries, TokenLayout keys) {
        int documents = queries.starts().length - 1;
        if (keys.starts().length - 1 != documents) {
            return false;
        }
        for (int d = 0; d < documents; d++) {
            int query = queries.starts()[d];
            if (queries.hostDocuments()[query] != keys.hostDocuments()[keys.starts()[d]] || keys.hostPositions()[keys.starts()[d + 1] - 1] > queries.hostPositions()[query]) {
                return false;
            }
        }
        return true;
    }

    private static boolean equal(TokenLayout layout, int longest) {
        return (long) longest * (layout.starts().length - 1) == layout.tokens();
    }

    /** Whether queries and keys are the same tokens: in a document, a token then sees those before it and itself, wherever they stood. */
    boolean sameTokens() {
        return sameTokens;
    }

    /** Whether they are not, but the same documents, and each query sees all keys of its document. */
    boolean allSeen() {
        return allSeen;
    }

    int documents() {
        return queries.starts().length - 1;
    }

    /** Whether all documents are as long as each other, queries and keys each for themselves. */
    boolean equal() {
        return equal;
    }

    /** Tokens of the longest document, of queries. */
    int longest() {
        return longest;
    }

    /** And of keys. */
    int longestKeys() {
        return longestKeys;
    }

    TokenLayout queries() {
        return queries;
    }

    TokenLayout keys() {
        return keys;
    }
}
