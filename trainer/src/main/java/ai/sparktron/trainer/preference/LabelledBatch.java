package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.layer.HostTokens;

/**
 * A micro-batch of answers that are desirable or not.
 *
 * @param answers   N documents, each an answer with its prompt before it; padding behind them
 * @param others    N documents, the same prompts with answers that were given to other ones; padding behind them
 * @param desirable of each answer
 */
public record LabelledBatch(HostTokens answers, HostTokens others, boolean[] desirable) {

    /**
     * From rows in which documents 2i and 2i + 1 are an answer and another's, and the weight of an answer's last token is 1 where it is desirable.
     *
     * @param tokens   whole
     * @param samples  N
     * @param multiple of which the tokens of each part are made one by padding
     */
    public static LabelledBatch of(HostTokens tokens, int samples, int multiple) {
        boolean[] desirable = new boolean[samples];
        for (int t = 0; tokens.weights() != null && t < tokens.tokens(); t++) {
            int document = tokens.documents()[t];
            boolean last = t + 1 == tokens.tokens() || tokens.documents()[t + 1] != document;
            if (last && document < 2 * samples && document % 2 == 0) {
                desirable[document / 2] = tokens.weights()[t] > 0;
            }
        }
        return of(tokens, desirable, multiple);
    }

    /** From rows in which documents 2i and 2i + 1 are an answer and another's, and what is known of each answer. */
    public static LabelledBatch of(HostTokens tokens, boolean[] desirable, int multiple) {
        int documents = 2 * desirable.length;
        if (documents == 0) {
            return new LabelledBatch(tokens, tokens, desirable);
        }
        return new LabelledBatch(tokens.ofDocuments(document -> document < documents && document % 2 == 0).padded(multiple),
                tokens.ofDocuments(document -> document < documents && document % 2 == 1).padded(multiple), desirable);
    }

    /** N. */
    public int samples() {
        return desirable.length;
    }
}
