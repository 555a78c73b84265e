package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.layer.HostTokens;
import java.util.Arrays;

/**
 * A micro-batch of pairs whose answers are given rewards.
 *
 * @param tokens  whole; of each answer its last token alone is trained, which is to say scored
 * @param margins of the pairs
 */
public record RewardBatch(HostTokens tokens, double[] margins) {

    /** From pairs whose margins are the weights of the last tokens of chosen answers. */
    public static RewardBatch of(PairBatch batch) {
        HostTokens from = batch.tokens();
        int[] scored = new int[from.tokens()];
        Arrays.fill(scored, -1);
        double[] margins = new double[batch.pairs()];
        for (int t = 0; t < from.tokens(); t++) {
            int document = from.documents()[t];
            boolean last = t + 1 == from.tokens() || from.documents()[t + 1] != document;
            if (last && document < 2 * batch.pairs()) {
                scored[t] = 0;
                if (document % 2 == 0 && from.weights() != null) {
                    margins[document / 2] = from.weights()[t];
                }
            }
        }
        return new RewardBatch(new HostTokens(from.ids(), scored, null, from.positions(), from.documents(), from.reach(), from.names()), margins);
    }

    /** Number of pairs. */
    public int pairs() {
        return margins.length;
    }
}
