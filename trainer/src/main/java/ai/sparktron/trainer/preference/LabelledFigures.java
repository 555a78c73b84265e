package ai.sparktron.trainer.preference;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Sums over answers that are desirable or not, from which the figures of a run are made. */
public final class LabelledFigures {

    private static final int LOSS = 0;
    private static final int DIVERGENCE = 1;
    private static final int SAMPLES = 2;
    /** From here on three of desirable answers, then the same three of the others. */
    private static final int LABELS = 3;
    private static final int COUNT = 0;
    private static final int LOG_PROBABILITY = 1;
    private static final int REWARD = 2;
    private static final int OF_LABEL = 3;

    private final double[] sums = new double[LABELS + 2 * OF_LABEL];

    /**
     * Adds a micro-batch.
     *
     * @param loss       sum over its answers
     * @param beta       of rewards: beta times the log-ratio of policy and reference
     * @param divergence that the losses were measured from
     */
    void add(double loss, double[] policy, double[] reference, boolean[] desirable, double beta, double divergence) {
        sums[LOSS] += loss;
        sums[DIVERGENCE] += divergence * policy.length;
        sums[SAMPLES] += policy.length;
        for (int i = 0; i < policy.length; i++) {
            int from = LABELS + (desirable[i] ? 0 : OF_LABEL);
            sums[from + COUNT]++;
            sums[from + LOG_PROBABILITY] += policy[i];
            sums[from + REWARD] += beta * (policy[i] - reference[i]);
        }
    }

    /** The sums since the last call; starts anew. */
    public double[] take() {
        double[] taken = sums.clone();
        Arrays.fill(sums, 0);
        return taken;
    }

    /** Number of answers in sums. */
    public static double samples(double[] sums) {
        return sums[SAMPLES];
    }

    /**
     * Means by the names of Megatron-SWIFT's logs; those of a label are missing where no answer had it.
     *
     * @param sums of {@link #take}, added up over ranks
     */
    public static Map<String, Double> byName(double[] sums) {
        double samples = Math.max(1, sums[SAMPLES]);
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("loss", sums[LOSS] / samples);
        figures.put("kl", sums[DIVERGENCE] / samples);
        for (int label = 0; label < 2; label++) {
            int from = LABELS + label * OF_LABEL;
            if (sums[from + COUNT] > 0) {
                String name = label == 0 ? "chosen" : "rejected";
                figures.put("logps/" + name, sums[from + LOG_PROBABILITY] / sums[from + COUNT]);
                figures.put("rewards/" + name, sums[from + REWARD] / sums[from + COUNT]);
            }
        }
        if (figures.containsKey("rewards/chosen") && figures.containsKey("rewards/rejected")) {
            figures.put("rewards/margins", figures.get("rewards/chosen") - figures.get("rewards/rejected"));
        }
        return figures;
    }
}
