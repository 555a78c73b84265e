package ai.sparktron.trainer.kernels.nd4j;

/**
 * The inner loops that need exponentials or sums, on short ranges of arrays that lie in the first cache. Loops without either are plain Java that the
 * compiler vectorises by itself; they are not here.
 *
 * <p>Two providers, chosen once by {@link RowMathProvider}: {@link ScalarRowMath} everywhere and {@link VectorRowMath} where the JVM was started with
 * {@code --add-modules jdk.incubator.vector}. Sums are in float32, in an order that depends only on the length and the provider. A NaN comes through
 * all of them; exp of a number below -87.3 is 0.
 */
interface RowMath {

    /** Name for logs. */
    String name();

    /** Largest of a[from .. from + n), -infinity when n is 0. */
    float max(float[] a, int from, int n);

    /** Sum of squares. */
    float sumOfSquares(float[] a, int from, int n);

    /** Sum of products. */
    float dot(float[] a, int aFrom, float[] b, int bFrom, int n);

    /** Sum of three-fold products. */
    float dot(float[] a, int aFrom, float[] b, int bFrom, float[] c, int cFrom, int n);

    /** a = exp(a - shift); returns the sum. */
    float expAndSum(float[] a, int from, int n, float shift);

    /** Sum of exp(a - shift). */
    float sumOfExp(float[] a, int from, int n, float shift);

    /** a = scale * exp(a - shift). */
    void scaledExp(float[] a, int from, int n, float shift, float scale);

    /** p = exp(p - logSum); d = p * (d - inner): softmax again from its log-sum, and the gradient at the scores. */
    void softmaxGrad(float[] p, float[] d, int from, int n, float logSum, float inner);

    /** out = silu(gate) * up. */
    void swiGlu(float[] gate, float[] up, float[] out, int n);

    /** gate and up are replaced by their gradients. */
    void swiGluGrad(float[] dOut, float[] gate, float[] up, int n);
}
