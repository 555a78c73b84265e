package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * The maths of a mixture of experts, on the terms of {@link Kernels}: out-parameters, nothing allocated, the same bits at every call.
 *
 * <p>Letters: T tokens, E experts of the layer, k experts of a token, E' experts held here, D embedding, F width of an expert. A <em>slot</em> is one choice of one
 * token, numbered t * k + j. A <em>place</em> is a row of the tokens sorted by expert, below N, which is at least the number of slots that go to experts held
 * here; rows of places that no slot fills are undefined and read by none of these kernels' callers. Experts' rows are segments: expert e has places
 * offsets[e] to offsets[e + 1].
 *
 * <p>{@code logits}, {@code weights}, statistics and their gradients are of one type, float32 (float64 where everything is), whatever the activations are.
 * All indices are I32. Arithmetic of scores is in float32 or wider.
 */
public interface ExpertKernels {

    // ---- routing --------------------------------------------------------------------------------------------------------------------------

    /**
     * Logits in float64: out[t, e] = sum over d of x[t, d] w[e, d], products and sums in float64, rounded once.
     *
     * @param x   [T, D]
     * @param w   [E, D], of the type of {@code x}
     * @param out [T, E]
     */
    void wideLogits(Tensor x, Tensor w, Tensor out);

    /**
     * Chooses k experts for each token. score[e] = softmax or sigmoid of the logits; rank[e] = score[e] (or {@code ranking[t, e]}) + bias[e]. With groups, the
     * rank of a group is the sum of its {@code groupBest} best ranks, and experts outside the {@code chosenGroups} best groups are out. The k experts with the
     * largest ranks are chosen, largest first, of equal ones the one with the smaller index; so are groups. weight = score (never bias or ranking) of each,
     * divided by their sum + {@link RoutingRule#SUM_FLOOR} if {@code normalise}, times {@code scale}.
     *
     * @param logits  [T, E]
     * @param bias    float32 [E] added for choosing, or null
     * @param ranking [T, E] in the place of scores for choosing, or null
     * @param ids     I32 [T, k], written
     * @param weights [T, k], written
     */
    void route(Tensor logits, Tensor bias, Tensor ranking, RoutingRule rule, Tensor ids, Tensor weights);

    /**
     * Gradient of {@link #route} and of the balancing losses at the logits. {@code ids} are constants.
     *
     * @param dWeights [T, k]
     * @param ids      [T, k] those of {@code route}
     * @param dLogits  [T, E], overwritten; may be the same as {@code logits}
     */
    void routeGrad(Tensor dWeights, Tensor logits, Tensor ids, RoutingRule rule, RouterPenalty penalty, Tensor dLogits);

    /**
     * Adds to statistics of routing. p[t, e] is the softmax score, or the sigmoid score divided by the token's sum of them.
     *
     * @param sequences     I32 [T], or null, as in {@link RouterPenalty}
     * @param counts        [S, E] += number of slots that chose e
     * @param probabilities [S, E] += sum of p
     * @param zSum          [1] += sum over tokens of logSumExp(logits[t])^2
     */
    void routerStatistics(Tensor logits, Tensor ids, RoutingRule rule, Tensor sequences, Tensor counts, Tensor probabilities, Tensor zSum);

    /** loss[0] += sum over s of factors[s] * sum over e of counts[s, e] * probabilities[s, e]; factors [S], counts and probabilities [S, E]. */
    void balanceLoss(Tensor counts, Tensor probabilities, Tensor factors, Tensor loss);

    /**
     * Ranks that share tokens out evenly over experts: Sinkhorn's iteration on exp(logits) (arXiv 2102.03609, Megatron's {@code sinkhorn}). With c = exp(logits):
     * d0 = 1, d1 = 1; repeat d0[t] = 1 / (T (sum over e of d1[e] c[t, e] + 1e-8)), d1[e] = 1 / (E (sum over t of d0[t] c[t, e] + 1e-8)) until the mean
     * change of d1 is at most 1e-4 (and at most 100 times); out = d1[e] c[t, e] d0[t].
     *
     * @param logits [T, E]
     * @param out    [T, E], overwritten
     */
    void sinkhorn(Tensor logits, Tensor out);

    /**
     * Holds experts to a capacity: kept = ids, with -1 for the slots beyond {@code capacity} of their expert, chosen as {@code policy} says.
     *
     * @param ids     I32 [T, k]
     * @param weights [T, k]
     * @param experts E
     * @param kept    I32 [T, k], written; may be the same as {@code ids}
     */
    void limit(Tensor ids, Tensor weights, int experts, int capacity, DropPolicy policy, Tensor kept);

    // ---- dispatch -------------------------------------------------------------------------------------------------------------------------

    /**
     * Counting sort of slots by expert, stable: slots of the experts {@code firstExpert} to {@code firstExpert + E'} get places, expert by expert, in ascending
     * slot order. Ids outside of that range (dropped slots, -1, among them) get none.
     *
     * @param ids     I32 [T, k]
     * @param offsets I32 [E' + 1], written: ascending from 0
     * @param slots   I32 [N], written: slot of each place, -1 for places that none fills
     * @param tokens  I32 [N], written: slots / k, -1 for places that none fills
     * @param places  I32 [T, k], written: place of each slot, -1 for slots without one
     */
    void sortByExpert(Tensor ids, int firstExpert, Tensor offsets, Tensor slots, Tensor tokens, Tensor places);

    /**
     * out[t] = or += sum over j of x[places[t, j]], added in the order of j; negative places add nothing. The combine of experts' outputs, and the gradient of
     * the dispatch, which is {@link Kernels#embedding} with tokens as ids. Sums in float32 or wider, rounded once.
     *
     * @param x      [N, D]
     * @param places I32 [T, k]
     * @param out    [T, D]
     */
    void sumRows(Tensor x, Tensor places, Tensor out, Write write);

    /**
     * {@link Kernels#dropout} of rows that have been sorted: row i is left out of as row keys[i] of the mask is.
     *
     * @param x    [N, columns]
     * @param keys float32 [N], whole numbers from 0 to below 2^24
     * @param out  [N, columns]; may be the same as {@code x}
     */
    void dropout(Tensor x, Tensor keys, long seed, long firstColumn, long globalColumns, float probability, Tensor out);

    // ---- experts --------------------------------------------------------------------------------------------------------------------------

    /**
     * Each segment times its expert's matrix: rows i of expert e are out[i] = or += x[i] op(w[e]).
     *
     * @param x       [N, K]
     * @param offsets I32 [E' + 1]; rows from offsets[E'] on are left as they are
     * @param w       experts' matrices one below the other: [E' * M, K] with {@link Transpose#YES} (out = x w^T, forward), [E' * K, M] with
     *                {@link Transpose#NO} (gradient of x)
     * @param out     [N, M]
     */
    void groupedMatmul(Tensor x, Tensor offsets, Tensor w, Transpose transposeW, Tensor out, Write write);

    /**
     * Gradient of the experts' matrices: dW[e] = or += sum over rows i of expert e of dy[i]^T x[i]; that of an expert without rows is 0.
     *
     * @param dy      [N, M]
     * @param x       [N, K]
     * @param offsets I32 [E' + 1]
     * @param dW      [E' * M, K]; as wide as dy or float32
     */
    void groupedMatmulGrad(Tensor dy, Tensor x, Tensor offsets, Tensor dW, Write write);

    /** {@link Kernels#swiGlu} with a factor a row: out = factor[i] * silu(gate) * up. gateUp [N, 2F], factors [N], out [N, F]. */
    void swiGluScaled(Tensor gateUp, Tensor factors, Tensor out);

    /**
     * Gradient of {@link #swiGluScaled} where its operands lie: dOut [N, F] becomes the output again, gateUp [N, 2F] becomes its gradient, and dFactors[i] = sum of
     * dOut[i] * silu(gate) * up.
     *
     * @param dFactors [N], overwritten
     */
    void swiGluScaledBackward(Tensor dOut, Tensor gateUp, Tensor factors, Tensor dFactors);
}
