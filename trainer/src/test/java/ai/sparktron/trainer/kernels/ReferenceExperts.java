package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What each kernel of {@link ExpertKernels} means, in the plainest loops. */
final class ReferenceExperts implements ExpertKernels {

    private static double[] row(Tensor logits, long t) {
        Cells in = new Cells(logits);
        double[] row = new double[(int) in.columns()];
        for (int e = 0; e < row.length; e++) {
            row[e] = in.get(t, e);
        }
        return row;
    }

    private static double logSumExp(double[] x) {
        double sum = 0;
        for (double value : x) {
            sum += Math.exp(value);
        }
        return Math.log(sum);
    }

    private static double[] scores(double[] logits, RoutingRule rule) {
        double[] scores = new double[logits.length];
        for (int e = 0; e < logits.length; e++) {
            scores[e] = rule.score() == RoutingRule.Score.SIGMOID ? 1 / (1 + Math.exp(-logits[e])) : Math.exp(logits[e] - logSumExp(logits));
        }
        return scores;
    }

    private static double[] probabilities(double[] scores, RoutingRule rule) {
        double sum = 0;
        for (double score : scores) {
            sum += score;
        }
        double[] result = scores.clone();
        for (int e = 0; rule.score() == RoutingRule.Score.SIGMOID && e < result.length; e++) {
            result[e] /= sum;
        }
        return result;
    }

    /** Indices with the largest values first, of equal ones the smaller index. */
    private static List<Integer> best(double[] values, List<Integer> among, int count) {
        List<Integer> order = new ArrayList<>(among);
        order.sort(Comparator.<Integer>comparingDouble(e -> -values[e]).thenComparingInt(e -> e));
        return order.subList(0, count);
    }

    private static List<Integer> range(int from, int to) {
        List<Integer> all = new ArrayList<>();
        for (int i = from; i < to; i++) {
            all.add(i);
        }
        return all;
    }

    @Override
    public void wideLogits(Tensor x, Tensor w, Tensor out) {
        Cells to = new Cells(out);
        for (long t = 0; t < x.rows(); t++) {
            double[] token = row(x, t);
            for (long e = 0; e < w.rows(); e++) {
                double[] weight = row(w, e);
                double sum = 0;
                for (int d = 0; d < token.length; d++) {
                    sum += token[d] * weight[d];
                }
                to.set(t, e, sum);
            }
        }
    }

    @Override
    public void route(Tensor logits, Tensor bias, Tensor ranking, RoutingRule rule, Tensor ids, Tensor weights) {
        for (long t = 0; t < logits.rows(); t++) {
            double[] scores = scores(row(logits, t), rule);
            double[] ranks = ranking == null ? scores.clone() : row(ranking, t);
            for (int e = 0; e < ranks.length; e++) {
                ranks[e] = (float) ranks[e] + (bias == null ? 0 : (float) new Cells(bias).get(e));
            }
            int size = rule.experts() / rule.groups();
            double[] groups = new double[rule.groups()];
            for (int g = 0; g < groups.length; g++) {
                for (int e : best(ranks, range(g * size, (g + 1) * size), Math.min(size, rule.groupBest()))) {
                    groups[g] += ranks[e];
                }
            }
            List<Integer> allowed = new ArrayList<>();
            for (int g : best(groups, range(0, groups.length), rule.chosenGroups())) {
                allowed.addAll(range(g * size, (g + 1) * size));
            }
            List<Integer> chosen = best(ranks, allowed, rule.chosen());
            double sum = rule.normalise() ? chosen.stream().mapToDouble(e -> scores[e]).sum() + RoutingRule.SUM_FLOOR : 1;
            for (int j = 0; j < chosen.size(); j++) {
                new Cells(ids).set(t, j, chosen.get(j));
                new Cells(weights).set(t, j, scores[chosen.get(j)] / sum * rule.scale());
            }
        }
    }

    @Override
    public void routeGrad(Tensor dWeights, Tensor logits, Tensor ids, RoutingRule rule, RouterPenalty penalty, Tensor dLogits) {
        for (long t = 0; t < logits.rows(); t++) {
            double[] z = row(logits, t);
            double[] s = scores(z, rule);
            double[] p = probabilities(s, rule);
            double sum = RoutingRule.SUM_FLOOR;
            for (int j = 0; j < rule.chosen(); j++) {
                sum += s[(int) new Cells(ids).get(t, j)];
            }
            // Jacobians written out: weights and penalty by score, score by logit.
            double[] byScore = new double[s.length];
            for (int j = 0; j < rule.chosen(); j++) {
                int e = (int) new Cells(ids).get(t, j);
                double grad = new Cells(dWeights).get(t, j) * rule.scale();
                if (!rule.normalise()) {
                    byScore[e] += grad;
                    continue;
                }
                for (int i = 0; i < rule.chosen(); i++) {
                    int other = (int) new Cells(ids).get(t, i);
                    byScore[other] += grad * ((other == e ? 1 / sum : 0) - s[e] / (sum * sum));
                }
            }
            if (penalty.counts() != null) {
                long sequence = penalty.sequences() == null ? 0 : new Cells(penalty.sequences()).integer(t);
                double total = s[0] / p[0];
                for (int e = 0; e < s.length; e++) {
                    double byProbability = new Cells(penalty.factors()).get(sequence) * new Cells(penalty.counts()).get(sequence, e);
                    for (int i = 0; i < s.length; i++) {
                        boolean softmax = rule.score() == RoutingRule.Score.SOFTMAX;
                        byScore[i] += byProbability * ((i == e ? 1 / total : 0) - (softmax ? 0 : s[e] / (total * total)));
                    }
                }
            }
            for (int e = 0; e < s.length; e++) {
                double slope = 2 * penalty.zFactor() * logSumExp(z) * Math.exp(z[e] - logSumExp(z));
                for (int i = 0; i < s.length; i++) {
                    double byLogit = rule.score() == RoutingRule.Score.SIGMOID ? (i == e ? s[e] * (1 - s[e]) : 0) : s[i] * ((i == e ? 1 : 0) - s[e]);
                    slope += byScore[i] * byLogit;
                }
                new Cells(dLogits).set(t, e, slope);
            }
        }
    }

    @Override
    public void routerStatistics(Tensor logits, Tensor ids, RoutingRule rule, Tensor sequences, Tensor counts, Tensor probabilities, Tensor zSum) {
        for (long t = 0; t < logits.rows(); t++) {
            long sequence = sequences == null ? 0 : new Cells(sequences).integer(t);
            double[] z = row(logits, t);
            double[] p = probabilities(scores(z, rule), rule);
            for (int e = 0; e < p.length; e++) {
                new Cells(probabilities).write(sequence, e, p[e], Write.ACCUMULATE);
            }
            for (int j = 0; j < rule.chosen(); j++) {
                int e = new Cells(ids).integer(t * ids.rowStride() + j);
                new Cells(counts).write(sequence, e, 1, Write.ACCUMULATE);
            }
            new Cells(zSum).write(0, 0, logSumExp(z) * logSumExp(z), Write.ACCUMULATE);
        }
    }

    @Override
    public void balanceLoss(Tensor counts, Tensor probabilities, Tensor factors, Tensor loss) {
        for (long s = 0; s < counts.rows(); s++) {
            for (long e = 0; e < counts.columns(); e++) {
                new Cells(loss).write(0, 0, new Cells(factors).get(s) * new Cells(counts).get(s, e) * new Cells(probabilities).get(s, e), Write.ACCUMULATE);
            }
        }
    }

    @Override
    public void sinkhorn(Tensor logits, Tensor out) {
        int tokens = (int) logits.rows();
        int experts = (int) logits.columns();
        double[] ofToken = new double[tokens];
        double[] ofExpert = new double[experts];
        java.util.Arrays.fill(ofExpert, 1);
        double change = 1;
        for (int i = 0; i < 100 && change > 1e-4; i++) {
            change = 0;
            for (int t = 0; t < tokens; t++) {
                double sum = 1e-8;
                for (int e = 0; e < experts; e++) {
                    sum += ofExpert[e] * Math.exp(new Cells(logits).get(t, e));
                }
                ofToken[t] = 1 / (sum * tokens);
            }
            for (int e = 0; e < experts; e++) {
                double sum = 1e-8;
                for (int t = 0; t < tokens; t++) {
                    sum += ofToken[t] * Math.exp(new Cells(logits).get(t, e));
                }
                change += Math.abs(1 / (sum * experts) - ofExpert[e]) / experts;
                ofExpert[e] = 1 / (sum * experts);
            }
        }
        for (int t = 0; t < tokens; t++) {
            for (int e = 0; e < experts; e++) {
                new Cells(out).set(t, e, ofExpert[e] * Math.exp(new Cells(logits).get(t, e)) * ofToken[t]);
            }
        }
    }

    @Override
    public void limit(Tensor ids, Tensor weights, int experts, int capacity, DropPolicy policy, Tensor kept) {
        Cells id = new Cells(ids);
        Cells weight = new Cells(weights);
        int[] old = new int[(int) ids.elements()];
        for (int slot = 0; slot < old.length; slot++) {
            old[slot] = (int) id.get(slot / ids.columns(), slot % ids.columns());
        }
        for (int slot = 0; slot < old.length; slot++) {
            int before = 0;
            for (int other = 0; other < old.length; other++) {
                double mine = weight.get(slot / ids.columns(), slot % ids.columns());
                double theirs = weight.get(other / ids.columns(), other % ids.columns());
                boolean ahead = policy == DropPolicy.POSITION ? other < slot : theirs > mine || theirs == mine && other < slot;
                before += old[other] == old[slot] && ahead ? 1 : 0;
            }
            new Cells(kept).set(slot / ids.columns(), slot % ids.columns(), old[slot] >= 0 && before < capacity ? old[slot] : -1);
        }
    }

    @Override
    public void sortByExpert(Tensor ids, int firstExpert, Tensor offsets, Tensor slots, Tensor tokens, Tensor places) {
        Cells id = new Cells(ids);
        for (long i = 0; i < slots.elements(); i++) {
            new Cells(slots).set(i, -1);
            new Cells(tokens).set(i, -1);
        }
        for (long slot = 0; slot < ids.elements(); slot++) {
            new Cells(places).set(slot / ids.columns(), slot % ids.columns(), -1);
        }
        int next = 0;
        for (int e = 0; e + 1 < offsets.elements(); e++) {
            new Cells(offsets).set(e, next);
            for (long slot = 0; slot < ids.elements(); slot++) {
                if ((int) id.get(slot / ids.columns(), slot % ids.columns()) == firstExpert + e) {
                    new Cells(slots).set(next, slot);
                    new Cells(tokens).set(next, slot / ids.columns());
                    new Cells(places).set(slot / ids.columns(), slot % ids.columns(), next++);
                }
            }
        }
        new Cells(offsets).set(offsets.elements() - 1, next);
    }

    @Override
    public void sumRows(Tensor x, Tensor places, Tensor out, Write write) {
        for (long t = 0; t < out.rows(); t++) {
            for (long c = 0; c < out.columns(); c++) {
                double sum = 0;
                for (long j = 0; j < places.columns(); j++) {
                    long place = (long) new Cells(places).get(t, j);
                    sum += place < 0 ? 0 : new Cells(x).get(place, c);
                }
                new Cells(out).write(t, c, sum, write);
            }
        }
    }

    private static final Kernels PRODUCTS = new ReferenceKernels();

    private static long offset(Tensor offsets, int expert) {
        return new Cells(offsets).integer(expert);
    }

    @Override
    public void dropout(Tensor x, Tensor keys, long seed, long firstColumn, long globalColumns, float probability, Tensor out) {
        for (long i = 0; i < x.rows(); i++) {
            PRODUCTS.dropout(x.rows(i, 1), seed, (long) new Cells(keys).get(i), firstColumn, globalColumns, probability, out.rows(i, 1));
        }
    }

    @Override
    public void groupedMatmul(Tensor x, Tensor offsets, Tensor w, Transpose transposeW, Tensor out, Write write) {
        long height = w.rows() / (offsets.elements() - 1);
        for (int e = 0; e + 1 < offsets.elements(); e++) {
            long from = offset(offsets, e);
            long count = offset(offsets, e + 1) - from;
            PRODUCTS.matmul(x.rows(from, count), Transpose.NO, w.rows(e * height, height), transposeW, out.rows(from, count), write);
        }
    }

    @Override
    public void groupedMatmulGrad(Tensor dy, Tensor x, Tensor offsets, Tensor dW, Write write) {
        for (int e = 0; e + 1 < offsets.elements(); e++) {
            long from = offset(offsets, e);
            long count = offset(offsets, e + 1) - from;
            PRODUCTS.matmul(dy.rows(from, count), Transpose.YES, x.rows(from, count), Transpose.NO, dW.rows(e * dy.columns(), dy.columns()),
                    write);
        }
    }

    @Override
    public void swiGluScaled(Tensor gateUp, Tensor factors, Tensor out) {
        PRODUCTS.swiGlu(gateUp, out);
        for (long i = 0; i < out.rows(); i++) {
            for (long c = 0; c < out.columns(); c++) {
                new Cells(out).set(i, c, new Cells(out).get(i, c) * new Cells(factors).get(i));
            }
        }
    }

    @Override
    public void swiGluScaledBackward(Tensor dOut, Tensor gateUp, Tensor factors, Tensor dFactors) {
        Cells in = new Cells(gateUp);
        long f = dOut.columns();
        for (long i = 0; i < dOut.rows(); i++) {
            double sum = 0;
            for (long c = 0; c < f; c++) {
                double gate = in.get(i, c);
                double up = in.get(i, f + c);
                double s = 1 / (1 + Math.exp(-gate));
                double grad = new Cells(dOut).get(i, c);
                sum += grad * gate * s * up;
                in.set(i, c, new Cells(factors).get(i) * grad * up * s * (1 + gate * (1 - s)));
                in.set(i, f + c, new Cells(factors).get(i) * grad * gate * s);
                new Cells(dOut).set(i, c, new Cells(factors).get(i) * gate * s * up);
            }
            new Cells(dFactors).set(i, sum);
        }
    }
}
