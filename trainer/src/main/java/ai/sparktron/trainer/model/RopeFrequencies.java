package ai.sparktron.trainer.model;

import java.util.List;

/**
 * Inverse wavelengths of each rotated pair and the tables made of them. Rounded to float32 after each operation, as the reference implementations compute
 * them: at position 30,000 a float64 table would differ from theirs by 1e-3 radian.
 */
public final class RopeFrequencies {

    private final float[] inverse;
    private final float attentionFactor;

    private RopeFrequencies(float[] inverse, double attentionFactor) {
        this.inverse = inverse;
        this.attentionFactor = (float) attentionFactor;
    }

    /**
     * @param rope     the rule
     * @param headSize K, all of it rotated
     * @param length   positions of the longest document processed; matters to {@link RopeConfig.Kind#dependsOnLength()} kinds only
     */
    public static RopeFrequencies of(RopeConfig rope, int headSize, int length) {
        return switch (rope.kind()) {
            case DEFAULT -> new RopeFrequencies(plain(rope.theta(), headSize), 1);
            case LINEAR -> new RopeFrequencies(divided(plain(rope.theta(), headSize), (float) rope.factor()), 1);
            case DYNAMIC -> new RopeFrequencies(plain(dynamicTheta(rope, headSize, length), headSize), 1);
            case LLAMA3 -> new RopeFrequencies(llama3(rope, plain(rope.theta(), headSize)), 1);
            case YARN -> new RopeFrequencies(yarn(rope, headSize), yarnAttentionFactor(rope));
            case LONGROPE -> new RopeFrequencies(longRope(rope, headSize, length), longRopeAttentionFactor(rope));
        };
    }

    /** [K/2], in radians per position. */
    public float[] inverse() {
        return inverse.clone();
    }

    /** Factor on cosines and sines. */
    public float attentionFactor() {
        return attentionFactor;
    }

    /** Table [positions, K]: the K/2 cosines then the K/2 sines of each position, attention factor multiplied in. */
    public float[] cosSin(int positions) {
        int half = inverse.length;
        float[] table = new float[Math.multiplyExact(positions, 2 * half)];
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < half; i++) {
                float angle = inverse[i] * p;
                table[p * 2 * half + i] = (float) Math.cos(angle) * attentionFactor;
                table[p * 2 * half + half + i] = (float) Math.sin(angle) * attentionFactor;
            }
        }
        return table;
    }

    private static float[] wavePowers(double theta, int headSize) {
        float[] powers = new float[headSize / 2];
        for (int i = 0; i < powers.length; i++) {
            powers[i] = (float) Math.pow((float) theta, 2f * i / headSize);
        }
        return powers;
    }

    private static float[] plain(double theta, int headSize) {
        float[] inverse = wavePowers(theta, headSize);
        for (int i = 0; i < inverse.length; i++) {
            inverse[i] = 1f / inverse[i];
        }
        return inverse;
    }

    private static float[] divided(float[] inverse, float factor) {
        for (int i = 0; i < inverse.length; i++) {
            inverse[i] /= factor;
        }
        return inverse;
    }

    private static double dynamicTheta(RopeConfig rope, int headSize, int length) {
        double reach = Math.max(length, rope.maxPositions());
        double growth = rope.factor() * reach / rope.maxPositions() - (rope.factor() - 1);
        return rope.theta() * Math.pow(growth, headSize / (headSize - 2.0));
    }

    private static float[] llama3(RopeConfig rope, float[] inverse) {
        double old = rope.originalPositions();
        double low = rope.lowFrequencyFactor();
        double high = rope.highFrequencyFactor();
        for (int i = 0; i < inverse.length; i++) {
            float wave = (float) (2 * Math.PI) / inverse[i];
            if (wave > old / low) {
                inverse[i] /= (float) rope.factor();
            } else if (wave >= old / high) {
                float smooth = (float) (((float) old / wave - low) / (high - low));
                inverse[i] = (1 - smooth) * inverse[i] / (float) rope.factor() + smooth * inverse[i];
            }
        }
        return inverse;
    }

    private static float[] yarn(RopeConfig rope, int headSize) {
        double low = yarnDim(rope.betaFast(), rope, headSize);
        double high = yarnDim(rope.betaSlow(), rope, headSize);
        if (rope.truncate()) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(low, 0);
        high = Math.min(high, headSize - 1);
        if (low == high) {
            high += 0.001;
        }
        float[] powers = wavePowers(rope.theta(), headSize);
        float[] inverse = new float[powers.length];
        for (int i = 0; i < inverse.length; i++) {
            float ramp = Math.min(1f, Math.max(0f, (float) ((i - (float) low) / (high - low))));
            float extrapolation = 1 - ramp;
            inverse[i] = 1f / ((float) rope.factor() * powers[i]) * (1 - extrapolation) + 1f / powers[i] * extrapolation;
        }
        return inverse;
    }

    /** The dimension whose wave turns {@code rotations} times within the original length. */
    private static double yarnDim(double rotations, RopeConfig rope, int headSize) {
        return headSize * Math.log(rope.originalPositions() / (rotations * 2 * Math.PI)) / (2 * Math.log(rope.theta()));
    }

    private static double yarnAttentionFactor(RopeConfig rope) {
        if (!Double.isNaN(rope.attentionFactor())) {
            return rope.attentionFactor();
        }
        if (rope.mscale() != 0 && rope.mscaleAllDim() != 0) {
            return yarnScale(rope.factor(), rope.mscale()) / yarnScale(rope.factor(), rope.mscaleAllDim());
        }
        return yarnScale(rope.factor(), 1);
    }

    /** What attention is multiplied by, once for queries and once for keys, where positions are stretched by {@code factor} (arXiv 2309.00071). */
    static double yarnScale(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    private static float[] longRope(RopeConfig rope, int headSize, int length) {
        List<Float> factors = length > rope.originalPositions() ? rope.longFactors() : rope.shortFactors();
        if (factors.size() != headSize / 2) {
            throw new IllegalArgumentException("rope_scaling of type longrope has " + factors.size() + " factors, expected head_dim/2 = " + headSize / 2
                    + " in short_factor and long_factor (config.json)");
        }
        float[] powers = wavePowers(rope.theta(), headSize);
        for (int i = 0; i < powers.length; i++) {
            powers[i] = 1f / (factors.get(i) * powers[i]);
        }
        return powers;
    }

    private static double longRopeAttentionFactor(RopeConfig rope) {
        if (!Double.isNaN(rope.attentionFactor())) {
            return rope.attentionFactor();
        }
        return rope.factor() <= 1 ? 1 : Math.sqrt(1 + Math.log(rope.factor()) / Math.log(rope.originalPositions()));
    }
}
