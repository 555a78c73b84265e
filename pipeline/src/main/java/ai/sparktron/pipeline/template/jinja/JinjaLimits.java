package ai.sparktron.pipeline.template.jinja;

/**
 * What one rendering may use before it is stopped with {@link JinjaException.Kind#LIMIT}.
 *
 * @param outputChars characters written, captured blocks included
 * @param loopSteps   iterations of all loops together
 * @param depth       macros and recursive loops within each other
 */
public record JinjaLimits(long outputChars, long loopSteps, int depth) {

    public static final JinjaLimits DEFAULT = new JinjaLimits(64L << 20, 10_000_000, 150);

    public JinjaLimits {
        if (outputChars < 1 || loopSteps < 1 || depth < 1) {
            throw new IllegalArgumentException("limits must be at least 1: " + outputChars + ", " + loopSteps + ", " + depth);
        }
    }
}
