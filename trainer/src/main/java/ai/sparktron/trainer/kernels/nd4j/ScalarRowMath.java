package ai.sparktron.trainer.kernels.nd4j;

/** Plain Java: what runs where the Vector API is not. */
final class ScalarRowMath implements RowMath {

    /** Below this, exp is 0 here: the result would be subnormal. */
    static final float EXP_LOW = -87.33654f;
    /** Above this, exp is infinite. */
    static final float EXP_HIGH = 88.72283f;
    static final float LOG2_E = 1.44269504f;
    static final float LN2_HIGH = 0.693359375f;
    static final float LN2_LOW = -2.12194440e-4f;
    /** 1.5 * 2^23: adding it rounds to an integer, which then lies in the low bits. */
    static final float ROUNDING = 12582912f;
    /** Minimax polynomial of (exp(r) - 1 - r) / r^2 on [-ln 2 / 2, ln 2 / 2], highest power first (Cephes expf). */
    static final float P5 = 1.9875691500e-4f;
    static final float P4 = 1.3981999507e-3f;
    static final float P3 = 8.3334519073e-3f;
    static final float P2 = 4.1665795894e-2f;
    static final float P1 = 1.6666665459e-1f;
    static final float P0 = 5.0000001201e-1f;

    /** exp with a relative error of at most 2e-7. */
    static float exp(float x) {
        if (!(x >= EXP_LOW)) {
            return x < EXP_LOW ? 0 : x;
        }
        if (x > EXP_HIGH) {
            return Float.POSITIVE_INFINITY;
        }
        float shifted = x * LOG2_E + ROUNDING;
        float n = shifted - ROUNDING;
        float r = x - n * LN2_HIGH - n * LN2_LOW;
        float p = ((((P5 * r + P4) * r + P3) * r + P2) * r + P1) * r + P0;
        float y = p * r * r + r + 1;
        return Float.intBitsToFloat(Float.floatToRawIntBits(y) + (Float.floatToRawIntBits(shifted) << 23));
    }

    static float sigmoid(float x) {
        return 1 / (1 + exp(-x));
    }

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public float max(float[] a, int from, int n) {
        float largest = Float.NEGATIVE_INFINITY;
        for (int i = from; i < from + n; i++) {
            largest = Math.max(largest, a[i]);
        }
        return largest;
    }

    @Override
    public float sumOfSquares(float[] a, int from, int n) {
        return dot(a, from, a, from, n);
    }

    @Override
    public float dot(float[] a, int aFrom, float[] b, int bFrom, int n) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        int i = 0;
        for (; i + 4 <= n; i += 4) {
            s0 += a[aFrom + i] * b[bFrom + i];
            s1 += a[aFrom + i + 1] * b[bFrom + i + 1];
            s2 += a[aFrom + i + 2] * b[bFrom + i + 2];
            s3 += a[aFrom + i + 3] * b[bFrom + i + 3];
        }
        for (; i < n; i++) {
            s0 += a[aFrom + i] * b[bFrom + i];
        }
        return (s0 + s1) + (s2 + s3);
    }

    @Override
    public float dot(float[] a, int aFrom, float[] b, int bFrom, float[] c, int cFrom, int n) {
        float s0 = 0;
        float s1 = 0;
        int i = 0;
        for (; i + 2 <= n; i += 2) {
            s0 += a[aFrom + i] * b[bFrom + i] * c[cFrom + i];
            s1 += a[aFrom + i + 1] * b[bFrom + i + 1] * c[cFrom + i + 1];
        }
        if (i < n) {
            s0 += a[aFrom + i] * b[bFrom + i] * c[cFrom + i];
        }
        return s0 + s1;
    }

    @Override
    public float expAndSum(float[] a, int from, int n, float shift) {
        float sum = 0;
        for (int i = from; i < from + n; i++) {
            a[i] = exp(a[i] - shift);
            sum += a[i];
        }
        return sum;
    }

    @Override
    public float sumOfExp(float[] a, int from, int n, float shift) {
        float sum = 0;
        for (int i = from; i < from + n; i++) {
            sum += exp(a[i] - shift);
        }
        return sum;
    }

    @Override
    public void scaledExp(float[] a, int from, int n, float shift, float scale) {
        for (int i = from; i < from + n; i++) {
            a[i] = scale * exp(a[i] - shift);
        }
    }

    @Override
    public void softmaxGrad(float[] p, float[] d, int from, int n, float logSum, float inner) {
        for (int i = from; i < from + n; i++) {
            p[i] = exp(p[i] - logSum);
            d[i] = p[i] * (d[i] - inner);
        }
    }

    @Override
    public void swiGlu(float[] gate, float[] up, float[] out, int n) {
        for (int i = 0; i < n; i++) {
            out[i] = gate[i] * sigmoid(gate[i]) * up[i];
        }
    }

    @Override
    public void swiGluGrad(float[] dOut, float[] gate, float[] up, int n) {
        for (int i = 0; i < n; i++) {
            float s = sigmoid(gate[i]);
            float silu = gate[i] * s;
            float d = dOut[i];
            gate[i] = d * up[i] * (s + silu * (1 - s));
            up[i] = d * silu;
        }
    }
}
