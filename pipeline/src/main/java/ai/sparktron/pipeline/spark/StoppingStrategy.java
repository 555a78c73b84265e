package ai.sparktron.pipeline.spark;

import java.util.Locale;

/** When interleaving ends ({@code stopping_strategy}). */
public enum StoppingStrategy {
    /** As soon as one source has no rows left. */
    FIRST_EXHAUSTED,
    /** When every source has been used up once; sources that end before start anew. */
    ALL_EXHAUSTED;

    /** @throws DatasetException when no strategy has this name */
    public static StoppingStrategy ofOptionName(String name) {
        for (StoppingStrategy strategy : values()) {
            if (strategy.optionName().equals(name)) {
                return strategy;
            }
        }
        throw new DatasetException("stopping_strategy '" + name + "': expected first_exhausted or all_exhausted");
    }

    public String optionName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
