package ai.sparktron.trainer.optimizer;

/**
 * What the summed gradient of a step is multiplied by: division by the trained tokens of the global batch, then clipping by the global L2 norm.
 *
 * @param factor   the multiplier
 * @param gradientNorm L2 norm of the mean gradient, before clipping: the figure that is logged
 */
public record GradientScale(float factor, double gradientNorm) {

    /** Added to the norm before dividing, as Megatron and PyTorch do. */
    private static final double CLIP_EPSILON = 1e-6;

    /**
     * @param sumOfSquares of the summed gradient over all ranks, each parameter counted once
     * @param denominator  what the sum is divided by: trained tokens of the global batch; 0 when no token was trained (the gradient is then 0 as well)
     * @param clip         {@code clip_grad}: largest norm, 0 = no clipping
     */
    public static GradientScale of(double sumOfSquares, double denominator, double clip) {
        double mean = denominator == 0 ? 0 : 1 / denominator;
        double norm = Math.sqrt(sumOfSquares) * mean;
        double clipping = clip > 0 ? Math.min(1, clip / (norm + CLIP_EPSILON)) : 1;
        return new GradientScale((float) (mean * clipping), norm);
    }

    /** Whether the gradient is free of NaN and infinity. */
    public boolean isFinite() {
        return Double.isFinite(gradientNorm);
    }
}
