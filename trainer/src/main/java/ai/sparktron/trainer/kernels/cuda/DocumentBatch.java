package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.TokenLayout;
import java.util.Arrays;

/**
 * The documents of a call of attention as a batch, found out once a layout: layers follow each other with the same one.
 */
final class DocumentBatch {

    private TokenLayout queries;
    private TokenLayout keys;
    private boolean whole;
    private int documents;
    private int longest;
    private boolean equal;

    /** Looks at the layouts of a call. */
    DocumentBatch of(TokenLayout queryLayout, TokenLayout keyLayout) {
        if (queryLayout != queries || keyLayout != keys) {
            queries = queryLayout;
            keys = keyLayout;
            documents = queryLayout.starts().length - 1;
            longest = queryLayout.longest();
            equal = (long) longest * documents == queryLayout.tokens();
            whole = isWhole(queryLayout) && (queryLayout == keyLayout || same(queryLayout, keyLayout) && isWhole(keyLayout));
        }
        return this;
    }

    /** Positions ascend in a document, so its first and last say whether it is there from its beginning without a gap. */
    private static boolean isWhole(TokenLayout layout) {
        int[] starts = layout.starts();
        for (int d = 0; d + 1 < starts.length; d++) {
            if (layout.hostPositions()[starts[d]] != 0 || layout.hostPositions()[starts[d + 1] - 1] != starts[d + 1] - 1 - starts[d]) {
                return false;
            }
        }
        return true;
    }

    private static boolean same(TokenLayout a, TokenLayout b) {
        return Arrays.equals(a.starts(), b.starts()) && Arrays.equals(a.hostDocuments(), b.hostDocuments());
    }

    /** Whether queries and keys are the same tokens, whole documents. */
    boolean whole() {
        return whole;
    }

    int documents() {
        return documents;
    }

    /** Tokens of the longest document. */
    int longest() {
        return longest;
    }

    /** Whether all documents are as long as each other. */
    boolean equal() {
        return equal;
    }

    int tokens() {
        return queries.tokens();
    }

    int[] starts() {
        return queries.starts();
    }
}
