package ai.sparktron.trainer.preference;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Sums over pairs with rewards, from which the figures of a run are made. */
public final class RewardFigures {

    private static final int LOSS = 0;
    private static final int CENTERING = 1;
    private static final int CHOSEN = 2;
    private static final int REJECTED = 3;
    private static final int RIGHT = 4;
    private static final int PAIRS = 5;
    private static final int COUNT = 6;

    private final double[] sums = new double[COUNT];

    /** Adds a micro-batch. @param rewards of its answers, chosen ones at even places */
    void add(RewardLoss.Result result, double[] rewards) {
        sums[LOSS] += result.sum();
        sums[CENTERING] += result.centering();
        for (int i = 0; i < rewards.length; i += 2) {
            sums[CHOSEN] += rewards[i];
            sums[REJECTED] += rewards[i + 1];
            sums[RIGHT] += rewards[i] > rewards[i + 1] ? 1 : 0;
            sums[PAIRS]++;
        }
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
     * @param sums of {@link #take}, added up over ranks
     * @param loss that was trained to
     */
    public static Map<String, Double> byName(double[] sums, RewardLoss loss) {
        double pairs = Math.max(1, sums[PAIRS]);
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("loss", sums[LOSS] / pairs);
        figures.put("rewards/chosen", sums[CHOSEN] / pairs);
        figures.put("rewards/rejected", sums[REJECTED] / pairs);
        figures.put("rewards/accuracies", sums[RIGHT] / pairs);
        figures.put("rewards/margins", (sums[CHOSEN] - sums[REJECTED]) / pairs);
        if (loss.centering() > 0) {
            figures.put("center_rewards_loss", sums[CENTERING] / pairs);
        }
        return figures;
    }
}
