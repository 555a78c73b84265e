package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.DropPolicy;
import ai.sparktron.trainer.kernels.RouterPenalty;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;

/** Choosing experts: a row of E scores at a time, arithmetic in double. */
final class HostRouter {

    private static final double FLOOR = 1e-8;
    private static final double TOLERANCE = 1e-4;
    private static final int ITERATIONS = 100;

    private float[] row = new float[0];
    private double[] scores = new double[0];
    private double[] ranks = new double[0];
    private double[] slopes = new double[0];
    private float[] other = new float[0];

    private void reserve(int experts) {
        if (row.length < experts) {
            row = new float[experts];
            other = new float[experts];
            scores = new double[experts];
            ranks = new double[experts];
            slopes = new double[experts];
        }
    }

    static IntBuffer ints(Tensor tensor) {
        return ((ByteBuffer) tensor.view()).asIntBuffer();
    }

    private static double logSumExp(float[] logits, int count) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int e = 0; e < count; e++) {
            largest = Math.max(largest, logits[e]);
        }
        double sum = 0;
        for (int e = 0; e < count; e++) {
            sum += Math.exp(logits[e] - largest);
        }
        return largest + Math.log(sum);
    }

    private void score(RoutingRule rule) {
        double shift = rule.score() == RoutingRule.Score.SOFTMAX ? logSumExp(row, rule.experts()) : 0;
        for (int e = 0; e < rule.experts(); e++) {
            scores[e] = switch (rule.score()) {
                case SOFTMAX -> Math.exp(row[e] - shift);
                case SIGMOID -> 1 / (1 + Math.exp(-row[e]));
            };
        }
    }

    void wideLogits(Tensor x, Tensor w, Tensor out) {
        HostRows tokens = HostRows.of(x);
        HostRows experts = HostRows.of(w);
        HostRows logits = HostRows.of(out);
        float[] token = new float[tokens.columns()];
        float[][] weights = new float[experts.rows()][tokens.columns()];
        for (int e = 0; e < weights.length; e++) {
            experts.load(e, 0, token.length, weights[e]);
        }
        for (int t = 0; t < tokens.rows(); t++) {
            tokens.load(t, 0, token.length, token);
            for (int e = 0; e < weights.length; e++) {
                double sum = 0;
                for (int d = 0; d < token.length; d++) {
                    sum += (double) token[d] * weights[e][d];
                }
                logits.set(t, e, (float) sum);
            }
        }
    }

    void route(Tensor logits, Tensor biasOrNull, Tensor rankingOrNull, RoutingRule rule, Tensor ids, Tensor weights) {
        int experts = rule.experts();
        reserve(experts);
        HostRows in = HostRows.of(logits);
        HostRows ranking = rankingOrNull == null ? null : HostRows.of(rankingOrNull);
        HostRows out = HostRows.of(weights);
        IntBuffer id = ints(ids);
        float[] bias = new float[experts];
        if (biasOrNull != null) {
            HostRows.of(biasOrNull).load(0, 0, experts, bias);
        }
        int idStride = Math.toIntExact(ids.rowStride());
        for (int t = 0; t < in.rows(); t++) {
            in.load(t, 0, experts, row);
            score(rule);
            if (ranking != null) {
                ranking.load(t, 0, experts, other);
            }
            for (int e = 0; e < experts; e++) {
                // Ranks in float32, as the scores of other implementations are: ties of theirs are ties here.
                ranks[e] = (float) (ranking == null ? scores[e] : other[e]) + bias[e];
            }
            leaveGroups(rule);
            double sum = 0;
            for (int j = 0; j < rule.chosen(); j++) {
                int best = best(ranks, 0, experts);
                ranks[best] = Double.NEGATIVE_INFINITY;
                id.put(t * idStride + j, best);
                sum += scores[best];
            }
            double factor = rule.scale() / (rule.normalise() ? sum + RoutingRule.SUM_FLOOR : 1);
            for (int j = 0; j < rule.chosen(); j++) {
                out.set(t, j, (float) (scores[id.get(t * idStride + j)] * factor));
            }
        }
    }

    /** First of the largest that is not yet taken; taken ones are at negative infinity. */
    private static int best(double[] values, int from, int to) {
        int best = from;
        for (int e = from + 1; e < to; e++) {
            if (values[e] > values[best]) {
                best = e;
            }
        }
        return best;
    }

    /** Takes the experts of groups that are not chosen out of the ranks. */
    private void leaveGroups(RoutingRule rule) {
        if (rule.chosenGroups() == rule.groups()) {
            return;
        }
        int size = rule.experts() / rule.groups();
        double[] group = new double[rule.groups()];
        double[] copy = Arrays.copyOf(ranks, rule.experts());
        for (int g = 0; g < rule.groups(); g++) {
            for (int i = 0; i < Math.min(rule.groupBest(), size); i++) {
                int best = best(copy, g * size, (g + 1) * size);
                group[g] += copy[best];
                copy[best] = Double.NEGATIVE_INFINITY;
            }
        }
        boolean[] kept = new boolean[rule.groups()];
        for (int i = 0; i < rule.chosenGroups(); i++) {
            int best = best(group, 0, group.length);
            kept[best] = true;
            group[best] = Double.NEGATIVE_INFINITY;
        }
        for (int e = 0; e < rule.experts(); e++) {
            if (!kept[e / size]) {
                ranks[e] = Double.NEGATIVE_INFINITY;
            }
        }
    }

    void routeGrad(Tensor dWeights, Tensor logits, Tensor ids, RoutingRule rule, RouterPenalty penalty, Tensor dLogits) {
        int experts = rule.experts();
        reserve(experts);
        HostRows in = HostRows.of(logits);
        HostRows grads = HostRows.of(dWeights);
        HostRows out = HostRows.of(dLogits);
        IntBuffer id = ints(ids);
        int idStride = Math.toIntExact(ids.rowStride());
        HostRows counts = penalty.counts() == null ? null : HostRows.of(penalty.counts());
        HostRows factors = counts == null ? null : HostRows.of(penalty.factors());
        IntBuffer sequences = penalty.sequences() == null ? null : ints(penalty.sequences());
        for (int t = 0; t < in.rows(); t++) {
            in.load(t, 0, experts, row);
            score(rule);
            Arrays.fill(slopes, 0, experts, 0);
            weightSlopes(rule, grads, t, id, t * idStride);
            if (counts != null) {
                int sequence = sequences == null ? 0 : sequences.get(t);
                counts.load(sequence, 0, experts, other);
                balanceSlopes(rule, factors.get(0, sequence));
            }
            toLogits(rule, penalty.zFactor());
            out.store(t, 0, experts, row);
        }
    }

    /** Slopes of scores from those of the chosen's weights. */
    private void weightSlopes(RoutingRule rule, HostRows grads, int t, IntBuffer id, int at) {
        double sum = 0;
        double product = 0;
        for (int j = 0; j < rule.chosen(); j++) {
            double score = scores[id.get(at + j)];
            sum += score;
            product += grads.get(t, j) * score;
        }
        sum += RoutingRule.SUM_FLOOR;
        for (int j = 0; j < rule.chosen(); j++) {
            double slope = rule.normalise() ? (grads.get(t, j) - product / sum) / sum : grads.get(t, j);
            slopes[id.get(at + j)] += rule.scale() * slope;
        }
    }

    /** Adds the slopes of the balancing loss, counts of the sequence being in {@code other}. */
    private void balanceSlopes(RoutingRule rule, double factor) {
        double sum = 1;
        double product = 0;
        if (rule.score() == RoutingRule.Score.SIGMOID) {
            sum = 0;
            for (int e = 0; e < rule.experts(); e++) {
                sum += scores[e];
                product += other[e] * scores[e];
            }
            product /= sum;
        }
        for (int e = 0; e < rule.experts(); e++) {
            slopes[e] += factor * (other[e] - product) / sum;
        }
    }

    /** Slopes of scores to slopes of logits, into {@code row}. */
    private void toLogits(RoutingRule rule, float zFactor) {
        double logSumExp = zFactor == 0 ? 0 : logSumExp(row, rule.experts());
        double mean = 0;
        for (int e = 0; e < rule.experts(); e++) {
            mean += slopes[e] * scores[e];
        }
        for (int e = 0; e < rule.experts(); e++) {
            double slope = switch (rule.score()) {
                case SOFTMAX -> scores[e] * (slopes[e] - mean);
                case SIGMOID -> slopes[e] * scores[e] * (1 - scores[e]);
            };
            if (zFactor != 0) {
                slope += zFactor * 2 * logSumExp * Math.exp(row[e] - logSumExp);
            }
            row[e] = (float) slope;
        }
    }

    void statistics(Tensor logits, Tensor ids, RoutingRule rule, Tensor sequencesOrNull, Tensor counts, Tensor probabilities, Tensor zSum) {
        int experts = rule.experts();
        reserve(experts);
        HostRows in = HostRows.of(logits);
        IntBuffer id = ints(ids);
        int idStride = Math.toIntExact(ids.rowStride());
        IntBuffer sequences = sequencesOrNull == null ? null : ints(sequencesOrNull);
        HostRows count = HostRows.of(counts);
        HostRows probability = HostRows.of(probabilities);
        double z = 0;
        for (int t = 0; t < in.rows(); t++) {
            in.load(t, 0, experts, row);
            score(rule);
            int sequence = sequences == null ? 0 : sequences.get(t);
            double sum = 1;
            if (rule.score() == RoutingRule.Score.SIGMOID) {
                sum = 0;
                for (int e = 0; e < experts; e++) {
                    sum += scores[e];
                }
            }
            probability.load(sequence, 0, experts, other);
            for (int e = 0; e < experts; e++) {
                other[e] += (float) (scores[e] / sum);
            }
            probability.store(sequence, 0, experts, other);
            for (int j = 0; j < rule.chosen(); j++) {
                int expert = id.get(t * idStride + j);
                count.set(sequence, expert, count.get(sequence, expert) + 1);
            }
            double logSumExp = logSumExp(row, experts);
            z += logSumExp * logSumExp;
        }
        HostRows total = HostRows.of(zSum);
        total.set(0, 0, (float) (total.get(0, 0) + z));
    }

    void balanceLoss(Tensor counts, Tensor probabilities, Tensor factors, Tensor loss) {
        HostRows count = HostRows.of(counts);
        HostRows probability = HostRows.of(probabilities);
        HostRows factor = HostRows.of(factors);
        double sum = 0;
        for (int s = 0; s < count.rows(); s++) {
            double product = 0;
            for (int e = 0; e < count.columns(); e++) {
                product += (double) count.get(s, e) * probability.get(s, e);
            }
            sum += factor.get(0, s) * product;
        }
        HostRows total = HostRows.of(loss);
        total.set(0, 0, (float) (total.get(0, 0) + sum));
    }

    void sinkhorn(Tensor logits, Tensor out) {
        HostRows in = HostRows.of(logits);
        int tokens = in.rows();
        int experts = in.columns();
        reserve(experts);
        double[] costs = new double[tokens * experts];
        for (int t = 0; t < tokens; t++) {
            in.load(t, 0, experts, row);
            for (int e = 0; e < experts; e++) {
                costs[t * experts + e] = Math.exp(row[e]);
            }
        }
        double[] ofToken = new double[tokens];
        double[] ofExpert = new double[experts];
        Arrays.fill(ofExpert, 1);
        double change = Double.POSITIVE_INFINITY;
        for (int i = 0; i < ITERATIONS && change > TOLERANCE; i++) {
            change = balance(costs, ofToken, ofExpert);
        }
        HostRows to = HostRows.of(out);
        for (int t = 0; t < tokens; t++) {
            for (int e = 0; e < experts; e++) {
                row[e] = (float) (ofExpert[e] * costs[t * experts + e] * ofToken[t]);
            }
            to.store(t, 0, experts, row);
        }
    }

    /** One iteration. @return mean change of the experts' factors */
    private static double balance(double[] costs, double[] ofToken, double[] ofExpert) {
        int experts = ofExpert.length;
        double[] sums = new double[experts];
        for (int t = 0; t < ofToken.length; t++) {
            double sum = 0;
            for (int e = 0; e < experts; e++) {
                sum += ofExpert[e] * costs[t * experts + e];
            }
            ofToken[t] = 1 / (ofToken.length * (sum + FLOOR));
            for (int e = 0; e < experts; e++) {
                sums[e] += ofToken[t] * costs[t * experts + e];
            }
        }
        double change = 0;
        for (int e = 0; e < experts; e++) {
            double next = 1 / (experts * (sums[e] + FLOOR));
            change += Math.abs(next - ofExpert[e]);
            ofExpert[e] = next;
        }
        return change / experts;
    }

    void limit(Tensor ids, Tensor weights, int experts, int capacity, DropPolicy policy, Tensor kept) {
        int chosen = Math.toIntExact(ids.columns());
        int slots = Math.toIntExact(ids.elements());
        IntBuffer from = ints(ids);
        IntBuffer to = ints(kept);
        HostRows weight = HostRows.of(weights);
        int[] old = new int[slots];
        Integer[] order = new Integer[slots];
        for (int slot = 0; slot < slots; slot++) {
            old[slot] = from.get(Math.toIntExact(slot / chosen * ids.rowStride()) + slot % chosen);
            order[slot] = slot;
        }
        if (policy == DropPolicy.PROBS) {
            Arrays.sort(order, (a, b) -> Float.compare(weight.get(b / chosen, b % chosen), weight.get(a / chosen, a % chosen)));
        }
        int[] taken = new int[experts];
        for (int slot : order) {
            boolean fits = old[slot] >= 0 && taken[old[slot]]++ < capacity;
            to.put(Math.toIntExact(slot / chosen * kept.rowStride()) + slot % chosen, fits ? old[slot] : -1);
        }
    }
}
