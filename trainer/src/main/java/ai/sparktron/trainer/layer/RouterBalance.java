package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Counts what a layer's router chose for the real tokens of a micro-batch, and makes what balancing adds to the gradient of their logits. Where ranks share a
 * micro-batch, tokens are counted over all of them, so that the losses are those of one rank; each rank has its own tokens' share of them.
 */
final class RouterBalance {

    private final int layer;
    private final RoutingRule rule;
    private final Balancing balancing;
    private final RouterCounts counts;
    private final Region region;
    private final TokenDeal deal;

    /**
     * @param layer  number of the layer
     * @param counts takes what is counted
     */
    RouterBalance(int layer, RoutingRule rule, Balancing balancing, RouterCounts counts, Region region, TokenDeal deal) {
        this.layer = layer;
        this.rule = rule;
        this.balancing = balancing;
        this.counts = counts;
        this.region = region;
        this.deal = deal;
    }

    /**
     * Counts, and gives what is added to the gradient.
     *
     * @param logits  [n, E] of the n real tokens here; null where there are none
     * @param ids     I32 [n, k]
     * @param scratch gives what is returned
     */
    RouterPenalty penalty(Tensor logits, Tensor ids, Arena.Frame scratch, Pass pass) {
        WholeBatch whole = pass.batch().whole();
        DType type = DType.F32;
        ExpertKernels experts = pass.kernels().experts();
        float zFactor = whole.tokens() == 0 ? 0 : (float) (balancing.zCoefficient() * whole.lossFactor() / whole.tokens());
        Tensor probabilities = zeros("router.probabilities", scratch, pass, 1, rule.experts());
        Tensor zSum = scratch.tensor("router.z", type, 1);
        pass.kernels().fill(zSum, 0);
        if (logits != null) {
            experts.routerStatistics(logits, ids, rule, null, counts.tokens(layer), probabilities, zSum);
            if (zFactor != 0) {
                pass.kernels().addScaled(zFactor, zSum, counts.zLoss());
            }
        }
        if (balancing.coefficient() == 0 || whole.tokens() == 0) {
            return new RouterPenalty(null, null, null, zFactor);
        }
        boolean byDocument = balancing.loss() == Balancing.Loss.DOCUMENT;
        int sequences = byDocument ? whole.documentTokens().length : 1;
        Tensor sequence = byDocument && logits != null ? documents(Math.toIntExact(logits.rows()), pass) : null;
        Tensor chosen = zeros("router.counts", scratch, pass, sequences, rule.experts());
        Tensor shares = zeros("router.shares", scratch, pass, sequences, rule.experts());
        if (logits != null) {
            experts.routerStatistics(logits, ids, rule, sequence, chosen, shares, zSum);
        }
        region.sumOfTokens(chosen);
        deal.sum(chosen);
        Tensor factors = scratch.tensor("router.factors", type, sequences);
        pass.engine().write(factors, HostArrays.bytes(factors(byDocument ? whole.documentTokens() : new int[] {whole.tokens()}, whole.lossFactor())));
        experts.balanceLoss(chosen, shares, factors, counts.balanceLoss());
        return new RouterPenalty(sequence, chosen, factors, zFactor);
    }

    private float[] factors(int[] tokens, float lossFactor) {
        float[] factors = new float[tokens.length];
        for (int s = 0; s < tokens.length; s++) {
            factors[s] = tokens[s] == 0 ? 0
                    : (float) (balancing.coefficient() * rule.experts() / ((double) rule.chosen() * tokens[s] * tokens[s]) * lossFactor / tokens.length);
        }
        return factors;
    }

    private Tensor documents(int tokens, Pass pass) {
        return pass.tokens().documents().rows(region.firstOutside(pass.tokens().tokens()), tokens);
    }

    private static Tensor zeros(String name, Arena.Frame scratch, Pass pass, long rows, long columns) {
        Tensor tensor = scratch.tensor(name, DType.F32, rows, columns);
        pass.kernels().fill(tensor, 0);
        return tensor;
    }
}
