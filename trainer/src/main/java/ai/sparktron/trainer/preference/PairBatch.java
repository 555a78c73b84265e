package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.layer.HostTokens;

/**
 * A micro-batch of pairs: documents 2p and 2p + 1 are the chosen and the rejected answer of pair p, each with the prompt before it. Documents behind them are padding.
 *
 * @param tokens whole
 * @param pairs  P
 */
public record PairBatch(HostTokens tokens, int pairs) {

    /** Trained tokens of chosen answers. */
    public int chosenTokens() {
        int count = 0;
        for (int t = 0; t < tokens.tokens(); t++) {
            count += tokens.labels()[t] >= 0 && tokens.documents()[t] % 2 == 0 ? 1 : 0;
        }
        return count;
    }
}
