package ai.sparktron.trainer.preference;

/**
 * The loss of rewards of pairs (Bradley and Terry), and its derivatives: with c and r the rewards of the chosen and the rejected answer and m the margin of the pair,
 * -log sig(c - r - m) + w (c + r)^2. Pure arithmetic in float64.
 *
 * @param centering w, {@code center_rewards_coefficient}: what keeps the mean reward near 0 (arXiv 2312.09244); 0 = nothing does
 */
public record RewardLoss(double centering) {

    public RewardLoss {
        if (!(centering >= 0)) {
            throw new IllegalArgumentException("center rewards coefficient " + centering + ": expected at least 0");
        }
    }

    /**
     * What was found.
     *
     * @param sum       of the losses of the pairs
     * @param centering what of it keeps rewards near 0
     * @param by        derivative of the sum by the reward of each answer: of document 2p the chosen one's of pair p, of 2p + 1 the rejected one's
     */
    public record Result(double sum, double centering, double[] by) {
    }

    /**
     * Computes the loss.
     *
     * @param rewards of the answers, in the order of the derivatives
     * @param margins of the pairs
     */
    public Result of(double[] rewards, double[] margins) {
        double sum = 0;
        double centered = 0;
        double[] by = new double[rewards.length];
        for (int pair = 0; pair < margins.length; pair++) {
            double apart = rewards[2 * pair] - rewards[2 * pair + 1] - margins[pair];
            double together = rewards[2 * pair] + rewards[2 * pair + 1];
            sum -= Scalars.logSigmoid(apart);
            centered += centering * together * together;
            by[2 * pair] = -Scalars.sigmoid(-apart) + 2 * centering * together;
            by[2 * pair + 1] = Scalars.sigmoid(-apart) + 2 * centering * together;
        }
        return new Result(sum + centered, centered, by);
    }
}
