package ai.sparktron.trainer.model;

import java.util.List;
import java.util.Objects;

/**
 * Rotary positions as {@code config.json} describes them, in either spelling ({@code rope_theta} with {@code rope_scaling}, or {@code rope_parameters}).
 * Keys that a kind does not use are at their defaults.
 *
 * @param kind              scaling rule
 * @param theta             base of the wavelengths
 * @param factor            scaling factor
 * @param originalPositions {@code original_max_position_embeddings}
 * @param maxPositions      {@code max_position_embeddings}
 * @param lowFrequencyFactor  llama3
 * @param highFrequencyFactor llama3
 * @param attentionFactor   yarn, longrope: factor on cosines and sines; NaN = derived
 * @param mscale            yarn; 0 = absent
 * @param mscaleAllDim      yarn; 0 = absent
 * @param betaFast          yarn
 * @param betaSlow          yarn
 * @param truncate          yarn: whether the corrected range is rounded to whole dimensions
 * @param shortFactors      longrope: per-dimension factors up to the original length
 * @param longFactors       longrope: beyond it
 */
public record RopeConfig(Kind kind, double theta, double factor, int originalPositions, int maxPositions, double lowFrequencyFactor,
                         double highFrequencyFactor, double attentionFactor, double mscale, double mscaleAllDim, double betaFast, double betaSlow,
                         boolean truncate, List<Float> shortFactors, List<Float> longFactors) {

    /** Scaling rules, by the names of Hugging Face configurations. */
    public enum Kind {
        DEFAULT, LINEAR, DYNAMIC, LLAMA3, YARN, LONGROPE;

        /** Whether frequencies depend on the length of what is processed. */
        public boolean dependsOnLength() {
            return this == DYNAMIC || this == LONGROPE;
        }
    }

    public RopeConfig {
        Objects.requireNonNull(kind, "kind");
        shortFactors = List.copyOf(shortFactors);
        longFactors = List.copyOf(longFactors);
        if (!(theta > 0)) {
            throw new IllegalArgumentException("rope_theta " + theta + ": expected a number > 0 (config.json)");
        }
    }

    /** Unscaled. */
    public static RopeConfig plain(double theta, int maxPositions) {
        return new RopeConfig(Kind.DEFAULT, theta, 1, maxPositions, maxPositions, 1, 1, Double.NaN, 0, 0, 32, 1, true, List.of(), List.of());
    }

    /** Longest length for which the frequencies are those of a short text; only meaningful where {@link Kind#dependsOnLength()}. */
    public int unscaledLength() {
        return kind == Kind.DYNAMIC ? maxPositions : originalPositions;
    }
}
