package ai.sparktron.trainer.preference;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Sums over pairs, from which the figures of a run are made. Micro-batches and ranks are added up as numbers, so figures are means over all pairs. */
public final class PairFigures {

    private static final int LOSS = 0;
    private static final int CHOSEN = 1;
    private static final int REJECTED = 2;
    private static final int CHOSEN_REWARD = 3;
    private static final int REJECTED_REWARD = 4;
    private static final int RIGHT = 5;
    private static final int PAIRS = 6;
    private static final int CHOSEN_TOKENS = 7;
    private static final int COUNT = 8;

    private final double[] sums = new double[COUNT];

    /**
     * Adds a micro-batch.
     *
     * @param loss         sum over its pairs
     * @param beta         of rewards: beta times the log-ratio of policy and reference
     * @param chosenTokens trained tokens of its chosen answers
     */
    void add(double loss, PreferenceLoss.Scores policy, PreferenceLoss.Scores reference, double beta, int chosenTokens) {
        sums[LOSS] += loss;
        for (int pair = 0; pair < policy.pairs(); pair++) {
            double chosen = beta * (policy.chosen()[pair] - reference.chosen()[pair]);
            double rejected = beta * (policy.rejected()[pair] - reference.rejected()[pair]);
            sums[CHOSEN] += policy.chosen()[pair];
            sums[REJECTED] += policy.rejected()[pair];
            sums[CHOSEN_REWARD] += chosen;
            sums[REJECTED_REWARD] += rejected;
            sums[RIGHT] += chosen > rejected ? 1 : 0;
        }
        sums[PAIRS] += policy.pairs();
        sums[CHOSEN_TOKENS] += chosenTokens;
    }

    /** The sums since the last call; starts anew. */
    public double[] take() {
        double[] taken = sums.clone();
        Arrays.fill(sums, 0);
        return taken;
    }

    /** Number of pairs in sums. */
    public static double pairs(double[] sums) {
        return sums[PAIRS];
    }

    /**
     * Means by the names of Megatron-SWIFT's logs.
     *
     * @param sums  of {@link #take}, added up over ranks
     * @param alpha {@code rpo_alpha}: weight of {@code nll_loss} in {@code loss}
     */
    public static Map<String, Double> byName(double[] sums, double alpha) {
        double pairs = Math.max(1, sums[PAIRS]);
        double likelihood = -sums[CHOSEN] / Math.max(1, sums[CHOSEN_TOKENS]);
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("loss", sums[LOSS] / pairs + alpha * likelihood);
        figures.put("nll_loss", likelihood);
        figures.put("logps/chosen", sums[CHOSEN] / pairs);
        figures.put("logps/rejected", sums[REJECTED] / pairs);
        figures.put("rewards/chosen", sums[CHOSEN_REWARD] / pairs);
        figures.put("rewards/rejected", sums[REJECTED_REWARD] / pairs);
        figures.put("rewards/accuracies", sums[RIGHT] / pairs);
        figures.put("rewards/margins", (sums[CHOSEN_REWARD] - sums[REJECTED_REWARD]) / pairs);
        return figures;
    }
}
