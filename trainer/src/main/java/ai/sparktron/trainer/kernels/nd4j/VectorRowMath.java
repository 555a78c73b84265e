package ai.sparktron.trainer.kernels.nd4j;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link RowMath} on the Vector API, through arrays only: its other accessors changed between Java 17 and 21. Loaded by name, so that nothing else
 * fails where the module is absent. Lanes are summed one after the other, because {@code reduceLanes} promises no order and the bits of a run would
 * depend on when a method was compiled.
 */
final class VectorRowMath implements RowMath {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();

    private final float[] lanes = new float[LANES];

    @Override
    public String name() {
        return "Vector API, " + SPECIES.vectorBitSize() + " bits";
    }

    private float sum(FloatVector v) {
        v.intoArray(lanes, 0);
        float sum = 0;
        for (float lane : lanes) {
            sum += lane;
        }
        return sum;
    }

    private static FloatVector exp(FloatVector x) {
        FloatVector shifted = x.fma(FloatVector.broadcast(SPECIES, ScalarRowMath.LOG2_E), FloatVector.broadcast(SPECIES, ScalarRowMath.ROUNDING));
        FloatVector n = shifted.sub(ScalarRowMath.ROUNDING);
        FloatVector r = n.fma(FloatVector.broadcast(SPECIES, -ScalarRowMath.LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(SPECIES, -ScalarRowMath.LN2_LOW), r);
        FloatVector p = FloatVector.broadcast(SPECIES, ScalarRowMath.P5).fma(r, FloatVector.broadcast(SPECIES, ScalarRowMath.P4));
        p = p.fma(r, FloatVector.broadcast(SPECIES, ScalarRowMath.P3));
        p = p.fma(r, FloatVector.broadcast(SPECIES, ScalarRowMath.P2));
        p = p.fma(r, FloatVector.broadcast(SPECIES, ScalarRowMath.P1));
        p = p.fma(r, FloatVector.broadcast(SPECIES, ScalarRowMath.P0));
        FloatVector y = p.fma(r.mul(r), r).add(1);
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector result = y.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        VectorMask<Float> inRange = x.compare(VectorOperators.GE, ScalarRowMath.EXP_LOW).and(x.compare(VectorOperators.LE, ScalarRowMath.EXP_HIGH));
        if (inRange.allTrue()) {
            return result;
        }
        result = result.blend(0, x.compare(VectorOperators.LT, ScalarRowMath.EXP_LOW));
        result = result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, ScalarRowMath.EXP_HIGH));
        return result.blend(x, x.compare(VectorOperators.NE, x));
    }

    /** silu's two factors need 1 / (1 + exp(-x)). */
    private static FloatVector sigmoid(FloatVector x) {
        return FloatVector.broadcast(SPECIES, 1).div(exp(x.neg()).add(1));
    }

    @Override
    public float max(float[] a, int from, int n) {
        int bound = from + SPECIES.loopBound(n);
        FloatVector largest = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
        int i = from;
        for (; i < bound; i += LANES) {
            largest = largest.max(FloatVector.fromArray(SPECIES, a, i));
        }
        float result = bound > from ? largest.reduceLanes(VectorOperators.MAX) : Float.NEGATIVE_INFINITY;
        for (; i < from + n; i++) {
            result = Math.max(result, a[i]);
        }
        return result;
    }

    @Override
    public float sumOfSquares(float[] a, int from, int n) {
        return dot(a, from, a, from, n);
    }

    @Override
    public float dot(float[] a, int aFrom, float[] b, int bFrom, int n) {
        FloatVector s0 = FloatVector.zero(SPECIES);
        FloatVector s1 = FloatVector.zero(SPECIES);
        int i = 0;
        for (; i + 2 * LANES <= n; i += 2 * LANES) {
            s0 = FloatVector.fromArray(SPECIES, a, aFrom + i).fma(FloatVector.fromArray(SPECIES, b, bFrom + i), s0);
            s1 = FloatVector.fromArray(SPECIES, a, aFrom + i + LANES).fma(FloatVector.fromArray(SPECIES, b, bFrom + i + LANES), s1);
        }
        float result = i == 0 ? 0 : sum(s0.add(s1));
        for (; i < n; i++) {
            result += a[aFrom + i] * b[bFrom + i];
        }
        return result;
    }

    @Override
    public float dot(float[] a, int aFrom, float[] b, int bFrom, float[] c, int cFrom, int n) {
        FloatVector s0 = FloatVector.zero(SPECIES);
        int bound = SPECIES.loopBound(n);
        int i = 0;
        for (; i < bound; i += LANES) {
            FloatVector product = FloatVector.fromArray(SPECIES, a, aFrom + i).mul(FloatVector.fromArray(SPECIES, b, bFrom + i));
            s0 = product.fma(FloatVector.fromArray(SPECIES, c, cFrom + i), s0);
        }
        float result = bound == 0 ? 0 : sum(s0);
        for (; i < n; i++) {
            result += a[aFrom + i] * b[bFrom + i] * c[cFrom + i];
        }
        return result;
    }

    @Override
    public float expAndSum(float[] a, int from, int n, float shift) {
        FloatVector sums = FloatVector.zero(SPECIES);
        int bound = from + SPECIES.loopBound(n);
        int i = from;
        for (; i < bound; i += LANES) {
            FloatVector e = exp(FloatVector.fromArray(SPECIES, a, i).sub(shift));
            e.intoArray(a, i);
            sums = sums.add(e);
        }
        float result = bound == from ? 0 : sum(sums);
        for (; i < from + n; i++) {
            a[i] = ScalarRowMath.exp(a[i] - shift);
            result += a[i];
        }
        return result;
    }

    @Override
    public float sumOfExp(float[] a, int from, int n, float shift) {
        FloatVector sums = FloatVector.zero(SPECIES);
        int bound = from + SPECIES.loopBound(n);
        int i = from;
        for (; i < bound; i += LANES) {
            sums = sums.add(exp(FloatVector.fromArray(SPECIES, a, i).sub(shift)));
        }
        float result = bound == from ? 0 : sum(sums);
        for (; i < from + n; i++) {
            result += ScalarRowMath.exp(a[i] - shift);
        }
        return result;
    }

    @Override
    public void scaledExp(float[] a, int from, int n, float shift, float scale) {
        int bound = from + SPECIES.loopBound(n);
        int i = from;
        for (; i < bound; i += LANES) {
            exp(FloatVector.fromArray(SPECIES, a, i).sub(shift)).mul(scale).intoArray(a, i);
        }
        for (; i < from + n; i++) {
            a[i] = scale * ScalarRowMath.exp(a[i] - shift);
        }
    }

    @Override
    public void softmaxGrad(float[] p, float[] d, int from, int n, float logSum, float inner) {
        int bound = from + SPECIES.loopBound(n);
        int i = from;
        for (; i < bound; i += LANES) {
            FloatVector e = exp(FloatVector.fromArray(SPECIES, p, i).sub(logSum));
            e.intoArray(p, i);
            FloatVector.fromArray(SPECIES, d, i).sub(inner).mul(e).intoArray(d, i);
        }
        for (; i < from + n; i++) {
            p[i] = ScalarRowMath.exp(p[i] - logSum);
            d[i] = p[i] * (d[i] - inner);
        }
    }

    @Override
    public void swiGlu(float[] gate, float[] up, float[] out, int n) {
        int bound = SPECIES.loopBound(n);
        int i = 0;
        for (; i < bound; i += LANES) {
            FloatVector g = FloatVector.fromArray(SPECIES, gate, i);
            g.mul(sigmoid(g)).mul(FloatVector.fromArray(SPECIES, up, i)).intoArray(out, i);
        }
        for (; i < n; i++) {
            out[i] = gate[i] * ScalarRowMath.sigmoid(gate[i]) * up[i];
        }
    }

    @Override
    public void swiGluGrad(float[] dOut, float[] gate, float[] up, int n) {
        int bound = SPECIES.loopBound(n);
        int i = 0;
        for (; i < bound; i += LANES) {
            FloatVector g = FloatVector.fromArray(SPECIES, gate, i);
            FloatVector d = FloatVector.fromArray(SPECIES, dOut, i);
            FloatVector s = sigmoid(g);
            FloatVector silu = g.mul(s);
            FloatVector slope = silu.mul(FloatVector.broadcast(SPECIES, 1).sub(s)).add(s);
            d.mul(FloatVector.fromArray(SPECIES, up, i)).mul(slope).intoArray(gate, i);
            d.mul(silu).intoArray(up, i);
        }
        for (; i < n; i++) {
            float s = ScalarRowMath.sigmoid(gate[i]);
            float silu = gate[i] * s;
            float d = dOut[i];
            gate[i] = d * up[i] * (s + silu * (1 - s));
            up[i] = d * silu;
        }
    }
}
