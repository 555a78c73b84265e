package ai.sparktron.trainer.kernels;

import static ai.sparktron.trainer.kernels.TensorCheck.matrix;
import static ai.sparktron.trainer.kernels.TensorCheck.vector;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.function.Predicate;

/** The checks of {@link ExpertKernels} once for all engines, as {@link CheckedKernels} has those of {@link Kernels}. */
final class CheckedExpertKernels implements ExpertKernels {

    private final ExpertKernels engine;
    private final Predicate<DType> supported;

    CheckedExpertKernels(ExpertKernels engine, Predicate<DType> supported) {
        this.engine = engine;
        this.supported = supported;
    }

    private TensorCheck check(String kernel) {
        return new TensorCheck(kernel, supported);
    }

    /** Logits, and what is of their type. */
    private TensorCheck scores(TensorCheck check, Tensor logits, Tensor... others) {
        check.that(logits.dtype() == DType.F32 || logits.dtype() == DType.F64, () -> logits + ": expected F32 (or F64)");
        return check.computes(logits).sameType(logits, others);
    }

    private static Tensor[] present(Tensor... tensors) {
        return java.util.Arrays.stream(tensors).filter(java.util.Objects::nonNull).toArray(Tensor[]::new);
    }

    @Override
    public void wideLogits(Tensor x, Tensor w, Tensor out) {
        TensorCheck check = check("wideLogits").computes(x).rank(2, x, w, out).sameType(x, w);
        scores(check, out).shape(w, matrix(out.columns(), x.columns())).shape(out, matrix(x.rows(), w.rows())).apart(out, x, w);
        engine.wideLogits(x, w, out);
    }

    @Override
    public void route(Tensor logits, Tensor bias, Tensor ranking, RoutingRule rule, Tensor ids, Tensor weights) {
        TensorCheck check = scores(check("route"), logits, present(ranking, weights));
        check.shape(logits, matrix(logits.rows(), rule.experts())).type(DType.I32, ids).shape(ids, matrix(logits.rows(), rule.chosen()))
                .shape(weights, matrix(logits.rows(), rule.chosen())).apart(ids, present(logits, bias, ranking, weights)).apart(weights,
                        present(logits, bias, ranking));
        if (bias != null) {
            check.type(DType.F32, bias).shape(bias, vector(rule.experts()));
        }
        if (ranking != null) {
            check.sameShape(logits, ranking);
        }
        engine.route(logits, bias, ranking, rule, ids, weights);
    }

    @Override
    public void routeGrad(Tensor dWeights, Tensor logits, Tensor ids, RoutingRule rule, RouterPenalty penalty, Tensor dLogits) {
        TensorCheck check = scores(check("routeGrad"), logits, present(dWeights, dLogits, penalty.counts(), penalty.factors()));
        check.shape(logits, matrix(logits.rows(), rule.experts())).type(DType.I32, ids).shape(ids, matrix(logits.rows(), rule.chosen()))
                .shape(dWeights, matrix(logits.rows(), rule.chosen())).sameShape(logits, dLogits).sameOrApart(dLogits, logits)
                .apart(dLogits, present(dWeights, ids, penalty.counts(), penalty.factors(), penalty.sequences()));
        if (penalty.counts() != null) {
            check.rank(2, penalty.counts()).shape(penalty.counts(), matrix(penalty.counts().rows(), rule.experts()))
                    .shape(penalty.factors(), vector(penalty.counts().rows()));
            sequences(check, penalty.sequences(), logits, penalty.counts());
        }
        engine.routeGrad(dWeights, logits, ids, rule, penalty, dLogits);
    }

    private static void sequences(TensorCheck check, Tensor sequences, Tensor logits, Tensor counts) {
        if (sequences == null) {
            check.that(counts.rows() == 1, () -> counts + " without sequences: expected one row");
        } else {
            check.type(DType.I32, sequences).shape(sequences, vector(logits.rows()));
        }
    }

    @Override
    public void routerStatistics(Tensor logits, Tensor ids, RoutingRule rule, Tensor sequences, Tensor counts, Tensor probabilities, Tensor zSum) {
        TensorCheck check = scores(check("routerStatistics"), logits, counts, probabilities, zSum);
        check.shape(logits, matrix(logits.rows(), rule.experts())).type(DType.I32, ids).shape(ids, matrix(logits.rows(), rule.chosen()))
                .rank(2, counts).shape(counts, matrix(counts.rows(), rule.experts())).sameShape(counts, probabilities).shape(zSum, vector(1))
                .apart(counts, logits, probabilities, zSum).apart(probabilities, logits, zSum);
        sequences(check, sequences, logits, counts);
        engine.routerStatistics(logits, ids, rule, sequences, counts, probabilities, zSum);
    }

    @Override
    public void balanceLoss(Tensor counts, Tensor probabilities, Tensor factors, Tensor loss) {
        scores(check("balanceLoss"), counts, probabilities, factors, loss).rank(2, counts).sameShape(counts, probabilities)
                .shape(factors, vector(counts.rows())).shape(loss, vector(1)).apart(loss, counts, probabilities, factors);
        engine.balanceLoss(counts, probabilities, factors, loss);
    }

    @Override
    public void sinkhorn(Tensor logits, Tensor out) {
        scores(check("sinkhorn"), logits, out).rank(2, logits).sameShape(logits, out).apart(out, logits);
        engine.sinkhorn(logits, out);
    }

    @Override
    public void limit(Tensor ids, Tensor weights, int experts, int capacity, DropPolicy policy, Tensor kept) {
        scores(check("limit"), weights).rank(2, ids).type(DType.I32, ids, kept).sameShape(ids, weights, kept).sameOrApart(kept, ids).apart(kept, weights)
                .that(experts > 0 && capacity > 0, () -> "capacity " + capacity + " of " + experts + " experts: expected both > 0");
        engine.limit(ids, weights, experts, capacity, policy, kept);
    }

    @Override
    public void sortByExpert(Tensor ids, int firstExpert, Tensor offsets, Tensor slots, Tensor tokens, Tensor places) {
        check("sortByExpert").rank(2, ids).rank(1, offsets).rank(1, slots).type(DType.I32, ids, offsets, slots, tokens, places).sameShape(slots, tokens)
                .sameShape(ids, places).apart(offsets, ids, slots, tokens, places).apart(slots, ids, tokens, places).apart(tokens, ids, places)
                .apart(places, ids).that(offsets.elements() > 1 && firstExpert >= 0, () -> offsets + " from expert " + firstExpert
                        + ": expected one offset more than experts");
        engine.sortByExpert(ids, firstExpert, offsets, slots, tokens, places);
    }

    @Override
    public void sumRows(Tensor x, Tensor places, Tensor out, Write write) {
        check("sumRows").computes(x).rank(2, x, places).type(DType.I32, places).sameType(x, out).shape(out, matrix(places.rows(), x.columns()))
                .apart(out, x, places);
        engine.sumRows(x, places, out, write);
    }

    @Override
    public void dropout(Tensor x, Tensor keys, long seed, long firstColumn, long globalColumns, float probability, Tensor out) {
        check("dropout").computes(x).rank(2, x).type(DType.F32, keys).shape(keys, vector(x.rows())).slice(x, 0, firstColumn, globalColumns).sameType(x, out)
                .sameShape(x, out).sameOrApart(out, x).apart(out, keys)
                .that(probability >= 0 && probability < 1, () -> "probability " + probability + ": expected at least 0 and less than 1");
        engine.dropout(x, keys, seed, firstColumn, globalColumns, probability, out);
    }

    @Override
    public void groupedMatmul(Tensor x, Tensor offsets, Tensor w, Transpose transposeW, Tensor out, Write write) {
        TensorCheck check = segments(check("groupedMatmul"), x, offsets);
        long experts = offsets.elements() - 1;
        long inner = x.columns();
        long outer = out.columns();
        check.sameType(x, w, out).rank(2, out).shape(w, transposeW == Transpose.YES ? matrix(experts * outer, inner) : matrix(experts * inner, outer))
                .shape(out, matrix(x.rows(), outer)).apart(out, x, w, offsets);
        engine.groupedMatmul(x, offsets, w, transposeW, out, write);
    }

    @Override
    public void groupedMatmulGrad(Tensor dy, Tensor x, Tensor offsets, Tensor dW, Write write) {
        segments(check("groupedMatmulGrad"), x, offsets).sameType(x, dy).rank(2, dy).shape(dy, matrix(x.rows(), dy.columns())).sameOrWider(x, dW)
                .shape(dW, matrix((offsets.elements() - 1) * dy.columns(), x.columns())).apart(dW, dy, x, offsets);
        engine.groupedMatmulGrad(dy, x, offsets, dW, write);
    }

    private static TensorCheck segments(TensorCheck check, Tensor x, Tensor offsets) {
        return check.computes(x).rank(2, x).type(DType.I32, offsets).rank(1, offsets).that(offsets.elements() > 1, () -> offsets
                + ": expected one offset more than experts");
    }

    @Override
    public void swiGluScaled(Tensor gateUp, Tensor factors, Tensor out) {
        TensorCheck check = check("swiGluScaled").computes(gateUp).rank(2, out).sameType(gateUp, out);
        factors(check, gateUp, factors).shape(gateUp, matrix(out.rows(), 2 * out.columns())).shape(factors, vector(out.rows())).apart(out, gateUp, factors);
        engine.swiGluScaled(gateUp, factors, out);
    }

    @Override
    public void swiGluScaledBackward(Tensor dOut, Tensor gateUp, Tensor factors, Tensor dFactors) {
        TensorCheck check = check("swiGluScaledBackward").computes(gateUp).rank(2, dOut).sameType(gateUp, dOut);
        factors(check, gateUp, factors).sameType(factors, dFactors).shape(gateUp, matrix(dOut.rows(), 2 * dOut.columns()))
                .shape(factors, vector(dOut.rows())).sameShape(factors, dFactors).apart(gateUp, dOut, factors, dFactors).apart(dOut, factors, dFactors)
                .apart(dFactors, factors);
        engine.swiGluScaledBackward(dOut, gateUp, factors, dFactors);
    }

    private static TensorCheck factors(TensorCheck check, Tensor gateUp, Tensor factors) {
        DType expected = gateUp.dtype() == DType.F64 ? DType.F64 : DType.F32;
        return check.type(expected, factors);
    }
}
