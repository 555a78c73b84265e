package ai.sparktron.trainer.generate;

/**
 * How tokens are picked; the options of the same names.
 *
 * @param temperature       0 = the likeliest token always (greedy)
 * @param topP              smallest set of likeliest tokens whose probability reaches this; 1 = all
 * @param topK              number of likeliest tokens kept; 0 or less = all
 * @param repetitionPenalty above 1 makes tokens of the context less likely (arXiv 1909.05858); 1 = off
 * @param maxNewTokens      tokens after which generation stops by itself
 * @param seed              of the random choice; same seed, same text
 */
public record Sampling(double temperature, double topP, int topK, double repetitionPenalty, int maxNewTokens, long seed) {
    public Sampling {
        require(temperature >= 0, "temperature", temperature, ">= 0");
        require(topP > 0 && topP <= 1, "top_p", topP, "above 0 and at most 1");
        require(repetitionPenalty > 0, "repetition_penalty", repetitionPenalty, "> 0");
        require(maxNewTokens > 0, "max_new_tokens", maxNewTokens, "> 0");
    }

    /** Whether the likeliest token by the logits as they are is always taken. */
    boolean isLikeliest() {
        return temperature == 0 && repetitionPenalty == 1;
    }

    /** The likeliest token always. */
    public static Sampling greedy(int maxNewTokens) {
        return new Sampling(0, 1, 0, 1, maxNewTokens, 0);
    }

    private static void require(boolean holds, String option, Object value, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(option + " " + value + ": expected " + expected);
        }
    }
}
