package ai.sparktron.trainer.kernels;

import static ai.sparktron.trainer.kernels.TensorCheck.matrix;
import static ai.sparktron.trainer.kernels.TensorCheck.vector;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.function.Predicate;

/**
 * The checks of {@link Kernels} once for all engines: shapes, types and which tensors may share memory; then the engine's own kernels. Every engine
 * hands out its kernels inside this. A violation is a defect of the caller: {@link IllegalStateException} that names the kernel and the tensors.
 *
 * <p>"The activation type" of a call is the type of its first operand; the others have the same, unless float32 is said.
 */
public final class CheckedKernels implements Kernels {

    private final Kernels engine;
    private final Predicate<DType> supported;
    private ExpertKernels experts;
    private Fp8Kernels fp8;

    /** @param supported types that the engine computes with; {@link #copy} takes others */
    public CheckedKernels(Kernels engine, Predicate<DType> supported) {
        this.engine = engine;
        this.supported = supported;
    }

    private TensorCheck check(String kernel) {
        return new TensorCheck(kernel, supported);
    }

    @Override
    public void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write) {
        checkProduct(check("matmul"), a, transposeA, b, transposeB, out);
        engine.matmul(a, transposeA, b, transposeB, out, write);
    }

    private static void checkProduct(TensorCheck check, Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out) {
        check.rank(2, a, b, out);
        boolean flipA = transposeA == Transpose.YES;
        boolean flipB = transposeB == Transpose.YES;
        long inner = flipA ? a.rows() : a.columns();
        check.that(inner == (flipB ? b.columns() : b.rows()), () -> "inner sizes differ: " + a + " " + transposeA + " times " + b + " " + transposeB);
        check.shape(out, matrix(flipA ? a.columns() : a.rows(), flipB ? b.rows() : b.columns()));
        boolean mixed = !flipB && a.dtype() == DType.F32 && b.dtype().sizeBytes() < a.dtype().sizeBytes();
        check.computes(a).computes(b).that(mixed || a.dtype() == b.dtype(), () -> a + " " + transposeA + " times " + b + " " + transposeB
                + ": expected one type, or F32 times a narrower type that is not transposed").sameOrWider(b, out).apart(out, a, b);
    }

    @Override
    public void linear(Tensor x, Tensor weight, Tensor bias, Tensor out) {
        TensorCheck check = check("linear");
        checkProduct(check, x, Transpose.NO, weight, Transpose.YES, out);
        check.sameType(x, bias, out).shape(bias, vector(out.columns())).apart(out, bias);
        engine.linear(x, weight, bias, out);
    }

    @Override
    public void add(Tensor a, Tensor b, Tensor out) {
        check("add").computes(a).sameType(a, b, out).sameShape(a, b, out).sameOrApart(out, a, b);
        engine.add(a, b, out);
    }

    @Override
    public void addScaled(float factor, Tensor x, Tensor y) {
        check("addScaled").computes(x).sameOrWider(x, y).sameShape(x, y).apart(y, x);
        engine.addScaled(factor, x, y);
    }

    @Override
    public void scale(Tensor x, float factor) {
        check("scale").computes(x);
        engine.scale(x, factor);
    }

    @Override
    public void copy(Tensor x, Tensor out) {
        TensorCheck check = check("copy").sameShape(x, out).apart(out, x);
        check.that(x.dtype() == out.dtype() || convertible(x.dtype()) && convertible(out.dtype()), () -> x + " into " + out
                + ": expected the same type, or two of F64, F32, BF16 and F16");
        engine.copy(x, out);
    }

    private static boolean convertible(DType dtype) {
        return switch (dtype) {
            case F64, F32, BF16, F16 -> true;
            case F8_E4M3, F8_E5M2, I64, I32, I16, U8, BOOL -> false;
        };
    }

    @Override
    public void fill(Tensor x, float value) {
        check("fill").that(convertible(x.dtype()) || x.dtype() == DType.I32 && value == (int) value, () -> value + " into " + x
                + ": expected F64, F32, BF16, F16, or I32 and an integer");
        engine.fill(x, value);
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        check("addBias").computes(x).rank(2, x).sameType(x, bias).shape(bias, vector(x.columns())).apart(x, bias);
        engine.addBias(x, bias);
    }

    @Override
    public void addBiasGrad(Tensor dy, Tensor dBias) {
        check("addBiasGrad").computes(dy).rank(2, dy).sameOrWider(dy, dBias).shape(dBias, vector(dy.columns())).apart(dBias, dy);
        engine.addBiasGrad(dy, dBias);
    }

    @Override
    public void fillNormal(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation) {
        check("fillNormal").computes(x).slice(x, firstRow, firstColumn, globalColumns);
        engine.fillNormal(x, seed, firstRow, firstColumn, globalColumns, mean, deviation);
    }

    @Override
    public void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high) {
        check("fillUniform").computes(x).slice(x, firstRow, firstColumn, globalColumns).that(low <= high, () -> "range " + low + " to " + high);
        engine.fillUniform(x, seed, firstRow, firstColumn, globalColumns, low, high);
    }

    @Override
    public void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out) {
        check("dropout").computes(x).slice(x, firstRow, firstColumn, globalColumns).sameType(x, out).sameShape(x, out).sameOrApart(out, x)
                .that(probability >= 0 && probability < 1, () -> "probability " + probability + ": expected 0 <= probability < 1");
        engine.dropout(x, seed, firstRow, firstColumn, globalColumns, probability, out);
    }

    @Override
    public void embedding(Tensor ids, Tensor table, long firstRow, Tensor out) {
        check("embedding").computes(table).rank(2, table).type(DType.I32, ids).rank(1, ids).sameType(table, out)
                .shape(out, matrix(ids.elements(), table.columns())).apart(out, table, ids);
        engine.embedding(ids, table, firstRow, out);
    }

    @Override
    public void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable) {
        check("embeddingGrad").computes(dy).rank(2, dTable).type(DType.I32, ids).rank(1, ids).sameOrWider(dy, dTable)
                .shape(dy, matrix(ids.elements(), dTable.columns())).apart(dTable, dy, ids);
        engine.embeddingGrad(ids, dy, firstRow, dTable);
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        TensorCheck check = check("rmsNorm").computes(x).rank(2, x).groups(x, weight).sameType(x, weight, out).sameShape(x, out);
        check.sameOrApart(out, x).apart(out, weight);
        if (inverseRms != null) {
            check.type(DType.F32, inverseRms).shape(inverseRms, matrix(x.rows(), x.columns() / weight.columns())).apart(inverseRms, x, weight, out);
            check.that(!TensorCheck.same(out, x), () -> "out is " + x + " itself but inverseRms is asked for: the gradient needs the input");
        }
        engine.rmsNorm(x, weight, epsilon, out, inverseRms);
    }

    @Override
    public void addRmsNorm(Tensor residual, Tensor delta, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        TensorCheck check = check("addRmsNorm").computes(residual).rank(2, residual).groups(residual, weight)
                .sameType(residual, delta, weight, out).sameShape(residual, delta, out).apart(residual, delta, weight, out).sameOrApart(out, delta);
        if (inverseRms != null) {
            check.type(DType.F32, inverseRms).shape(inverseRms, matrix(residual.rows(), residual.columns() / weight.columns()))
                    .apart(inverseRms, residual, delta, weight, out);
        }
        engine.addRmsNorm(residual, delta, weight, epsilon, out, inverseRms);
    }

    @Override
    public void rmsNormGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeight) {
        TensorCheck check = check("rmsNormGrad").computes(dy).rank(2, dy).groups(dy, weight).sameType(dy, x, weight, dx).sameShape(dy, x, dx)
                .type(DType.F32, inverseRms).shape(inverseRms, matrix(x.rows(), x.columns() / weight.columns()));
        check.apart(dx, x, weight, inverseRms);
        if (dxWrite == Write.OVERWRITE) {
            check.sameOrApart(dx, dy);
        } else {
            check.apart(dx, dy);
        }
        if (dWeight != null) {
            check.sameOrWider(dy, dWeight).sameShape(weight, dWeight).apart(dWeight, dy, x, weight, inverseRms, dx);
        }
        engine.rmsNormGrad(dy, x, weight, inverseRms, dx, dxWrite, dWeight);
    }

    @Override
    public void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction) {
        check("rope").computes(x).rank(2, x, cosSin).type(DType.I32, positions).type(DType.F32, cosSin).shape(positions, vector(x.rows()))
                .that(headSize > 0 && (x.columns() % headSize == 0 || x.columns() % headSize == cosSin.columns()), () -> x + " in heads of " + headSize
                        + " columns: expected a multiple, or " + cosSin.columns() + " more")
                .that(cosSin.columns() % 2 == 0 && cosSin.columns() <= headSize, () -> "rotation of " + cosSin + " in heads of " + headSize
                        + ": expected an even number of columns, at most the head's")
                .apart(x, positions, cosSin);
        engine.rope(x, headSize, positions, cosSin, layout, direction);
    }

    @Override
    public void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp) {
        TensorCheck check = check("attention").computes(q).sameType(q, k, v).sameOrWider(q, out).attention(q, k, v, shape, queries, keys)
                .shape(out, matrix(q.rows(), (long) shape.heads() * shape.valueSize())).apart(out, q, k, v);
        if (logSumExp != null) {
            check.type(DType.F32, logSumExp).shape(logSumExp, matrix(q.rows(), shape.heads())).apart(logSumExp, q, k, v, out);
        }
        engine.attention(q, k, v, shape, queries, keys, out, logSumExp);
    }

    @Override
    public void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                              TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write) {
        check("attentionGrad").computes(q).sameType(q, k, v, out, dOut).sameType(dk, dv).sameOrWider(q, dq).sameOrWider(k, dk).attention(q, k, v, shape, queries, keys)
                .shape(out, matrix(q.rows(), (long) shape.heads() * shape.valueSize())).sameShape(out, dOut).sameShape(q, dq).sameShape(k, dk)
                .sameShape(v, dv).type(DType.F32, logSumExp).shape(logSumExp, matrix(q.rows(), shape.heads()))
                .apart(dq, q, k, v, out, dOut, logSumExp, dk, dv).apart(dk, q, k, v, out, dOut, logSumExp, dv)
                .apart(dv, q, k, v, out, dOut, logSumExp);
        engine.attentionGrad(dOut, q, k, v, out, logSumExp, shape, queries, keys, dq, dk, dv, write);
    }

    @Override
    public void cachedAttention(Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor positions, int reach, Tensor keys, Tensor values, Tensor out) {
        long sequences = q.rows();
        check("cachedAttention").computes(q).sameType(q, k, v, keys, values, out).type(DType.I32, positions)
                .shape(q, matrix(sequences, (long) shape.heads() * shape.keySize())).shape(k, matrix(sequences, (long) shape.kvHeads() * shape.keySize()))
                .shape(v, matrix(sequences, (long) shape.kvHeads() * shape.valueSize())).shape(positions, vector(sequences))
                .shape(keys, matrix(keys.rows(), k.columns())).shape(values, matrix(keys.rows(), v.columns()))
                .that(sequences > 0 && keys.rows() % sequences == 0 && reach > 0 && reach <= keys.rows() / sequences, () -> "reach " + reach + " in " + keys + " of "
                        + sequences + " sequences: expected at least 1 and at most a sequence's share")
                .shape(out, matrix(sequences, (long) shape.heads() * shape.valueSize())).apart(keys, q, k, v, values, out).apart(values, q, k, v, out).apart(out, q, k, v);
        engine.cachedAttention(q, k, v, shape, positions, reach, keys, values, out);
    }

    @Override
    public void likeliest(Tensor logits, Tensor ids) {
        check("likeliest").computes(logits).rank(2, logits).that(logits.columns() > 0, () -> logits + ": expected columns to choose from").type(DType.I32, ids)
                .shape(ids, vector(logits.rows())).apart(ids, logits);
        engine.likeliest(logits, ids);
    }

    @Override
    public void mergeAttention(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        check("mergeAttention").computes(partOut).rank(2, out, logSumExp).sameOrWider(partOut, out).sameShape(out, partOut)
                .type(DType.F32, logSumExp, partLogSumExp).sameShape(logSumExp, partLogSumExp).shape(logSumExp, matrix(out.rows(), logSumExp.columns()))
                .that(logSumExp.columns() > 0 && out.columns() % logSumExp.columns() == 0, () -> out + " in heads of " + logSumExp)
                .apart(out, partOut, partLogSumExp, logSumExp).apart(logSumExp, partOut, partLogSumExp);
        engine.mergeAttention(partOut, partLogSumExp, out, logSumExp);
    }

    @Override
    public void swiGlu(Tensor gateUp, Tensor out) {
        check("swiGlu").computes(gateUp).rank(2, gateUp, out).sameType(gateUp, out).shape(gateUp, matrix(out.rows(), 2 * out.columns()))
                .apart(out, gateUp);
        engine.swiGlu(gateUp, out);
    }

    @Override
    public void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp) {
        check("swiGluGrad").computes(gateUp).rank(2, gateUp, dOut).sameType(gateUp, dOut, dGateUp).sameShape(gateUp, dGateUp)
                .shape(gateUp, matrix(dOut.rows(), 2 * dOut.columns())).sameOrApart(dGateUp, gateUp).apart(dGateUp, dOut);
        engine.swiGluGrad(dOut, gateUp, dGateUp);
    }

    @Override
    public void swiGluBackward(Tensor dOut, Tensor gateUp) {
        check("swiGluBackward").computes(gateUp).rank(2, gateUp, dOut).sameType(gateUp, dOut).shape(gateUp, matrix(dOut.rows(), 2 * dOut.columns()))
                .apart(dOut, gateUp);
        engine.swiGluBackward(dOut, gateUp);
    }

    @Override
    public void softmaxStatistics(Tensor logits, Tensor labels, long firstColumn, Tensor logSumExp, Tensor picked) {
        check("softmaxStatistics").computes(logits).rank(2, logits).type(DType.I32, labels).type(DType.F32, logSumExp, picked)
                .shape(labels, vector(logits.rows())).shape(logSumExp, vector(logits.rows())).shape(picked, vector(logits.rows()))
                .apart(logSumExp, logits, labels, picked).apart(picked, logits, labels);
        engine.softmaxStatistics(logits, labels, firstColumn, logSumExp, picked);
    }

    @Override
    public void crossEntropyGrad(Tensor logits, Tensor logSumExp, Tensor labels, long firstColumn, Tensor scale) {
        check("crossEntropyGrad").computes(logits).rank(2, logits).type(DType.I32, labels).type(DType.F32, logSumExp, scale)
                .shape(labels, vector(logits.rows())).shape(logSumExp, vector(logits.rows())).shape(scale, vector(logits.rows()))
                .apart(logits, logSumExp, labels, scale);
        engine.crossEntropyGrad(logits, logSumExp, labels, firstColumn, scale);
    }

    @Override
    public void sumOfSquares(Tensor x, Tensor out, Write write) {
        check("sumOfSquares").computes(x).shape(out, vector(1)).apart(out, x)
                .that(out.dtype() == DType.F32 || out.dtype() == DType.F64, () -> "out " + out + ": expected F32 or F64");
        engine.sumOfSquares(x, out, write);
    }

    @Override
    public void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm) {
        check("gradientFactor").shape(squares, vector(1)).scalar(factor).scalar(norm).apart(factor, squares, norm).apart(norm, squares)
                .that(squares.dtype() == DType.F32 || squares.dtype() == DType.F64, () -> "squares " + squares + ": expected F32 or F64")
                .that(denominator >= 0 && clip >= 0, () -> "denominator " + denominator + ", clip " + clip + ": expected 0 or more");
        engine.gradientFactor(squares, denominator, clip, factor, norm);
    }

    @Override
    public void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor) {
        check("adamW").optimizer(tensors, gradient, factor).that(step.step() >= 1, () -> "step " + step.step() + ": expected 1 or more");
        engine.adamW(step, tensors, gradient, factor);
    }

    @Override
    public void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy) {
        check("sgd").flat(value, gradient, moment).scalar(factor).apart(value, gradient, factor, moment)
                .apart(moment, gradient, factor).roundedCopy(value, copy, gradient, factor, moment);
        engine.sgd(learningRate, momentum, weightDecay, value, gradient, factor, moment, copy);
    }

    @Override
    public void latentHeads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        latent(check("latentHeads"), up, rotary, shape, k, v).apart(k, up, rotary, v).apart(v, up, rotary);
        engine.latentHeads(up, rotary, shape, k, v);
    }

    @Override
    public void latentHeadsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary) {
        latent(check("latentHeadsGrad"), dUp, dRotary, shape, dk, dv).apart(dUp, dk, dv, dRotary).apart(dRotary, dk, dv);
        engine.latentHeadsGrad(dk, dv, shape, dUp, dRotary);
    }

    private static TensorCheck latent(TensorCheck check, Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        long plain = shape.keySize() - rotary.columns();
        return check.computes(up).rank(2, rotary).sameType(up, rotary, k, v).that(plain >= 0, () -> rotary + ": expected at most " + shape.keySize() + " columns")
                .shape(rotary, matrix(up.rows(), rotary.columns())).shape(up, matrix(up.rows(), shape.heads() * (plain + shape.valueSize())))
                .shape(k, matrix(up.rows(), (long) shape.heads() * shape.keySize())).shape(v, matrix(up.rows(), (long) shape.heads() * shape.valueSize()));
    }

    @Override
    public ExpertKernels experts() {
        if (experts == null) {
            experts = new CheckedExpertKernels(engine.experts(), supported);
        }
        return experts;
    }

    @Override
    public Fp8Kernels fp8() {
        if (fp8 == null) {
            fp8 = new CheckedFp8Kernels(engine.fp8(), supported);
        }
        return fp8;
    }
}
