package ai.sparktron.trainer.train.metrics;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Tokens that chose each expert, in the steps reported on.
 *
 * @param iteration number of the last of these steps, from 1
 * @param tokens    [E] by the number of the layer
 */
public record ExpertTokens(long iteration, Map<Integer, double[]> tokens) {

    public ExpertTokens {
        tokens = new TreeMap<>(tokens);
    }

    /** The most crowded expert's tokens over the mean of its layer's, as a mean over layers: 1 where all get as many. */
    public double crowding() {
        return tokens.values().stream().mapToDouble(row -> {
            double mean = Arrays.stream(row).average().orElse(0);
            return mean == 0 ? 1 : Arrays.stream(row).max().orElse(0) / mean;
        }).average().orElse(1);
    }
}
