package ai.sparktron.jobs.barrier;

import java.util.Map;
import java.util.TreeMap;

/**
 * How far a rank is.
 *
 * @param step    last finished step
 * @param steps   last step of the run
 * @param phase   what it is doing: {@code step}, {@code save}, {@code evaluate}
 * @param figures such as loss and tokens per second, by name
 */
public record Progress(long step, long steps, String phase, Map<String, Double> figures) {

    public Progress {
        figures = Map.copyOf(figures);
    }

    /** For people: {@code step 120/1000 loss 2.31}. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("step ").append(step).append('/').append(steps);
        if (!phase.isEmpty() && !phase.equals("step")) {
            text.append(' ').append(phase);
        }
        new TreeMap<>(figures).forEach((name, value) -> text.append(' ').append(name).append(' ').append(String.format("%.4g", value)));
        return text.toString();
    }
}
