package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * The maths of training, on tensors of one engine. Every result is an out-parameter; nothing is allocated; calls are ordered on the engine's stream
 * and return before a device has finished. Shapes, types and aliasing are checked by {@code CheckedKernels} once for all engines.
 *
 * <p>Activations are {@code [T, columns]} with any row stride. "May be the same" below means the very same tensor, never a partial overlap.
 * Sums are accumulated in float32 or wider whatever the types of the operands. Gradients of parameters accumulate; gradients of activations are
 * overwritten unless a {@link Write} says otherwise.
 *
 * <p>Results depend only on operands, not on timing: the host engine gives the same bits at every call.
 */
public interface Kernels {

    // ---- products -------------------------------------------------------------------------------------------------------------------------

    /**
     * out = op(a) op(b), or out += it. {@code a} is [M, K] (or [K, M] with {@link Transpose#YES}), {@code b} [K, N] (or [N, K]), {@code out} [M, N].
     * The result may have a wider type than the operands (float32 gradients of bfloat16 products).
     *
     * <p>Both operands have one type, but for gradients of float32 scores of 16-bit rows: {@code a} is then float32, {@code b} is in 16 bits and not transposed, and the
     * result is float32 or has the type of b. Neither operand is rounded.
     */
    void matmul(Tensor a, Transpose transposeA, Tensor b, Transpose transposeB, Tensor out, Write write);

    /**
     * out [T, N] = x [T, K] weight^T + bias, of weight [N, K] and bias [N]; all have one type. The product may be rounded to it before the bias is added.
     */
    default void linear(Tensor x, Tensor weight, Tensor bias, Tensor out) {
        matmul(x, Transpose.NO, weight, Transpose.YES, out, Write.OVERWRITE);
        addBias(out, bias);
    }

    // ---- element by element ---------------------------------------------------------------------------------------------------------------

    /** out = a + b, all [T, N]; {@code out} may be the same as either. */
    void add(Tensor a, Tensor b, Tensor out);

    /** y += factor * x, same shapes; y may be float32 where x is narrower. {@code y} must not be x. */
    void addScaled(float factor, Tensor x, Tensor y);

    /** x *= factor. */
    void scale(Tensor x, float factor);

    /** out = x, converting the type, rounding to nearest even; rows may have different strides. Integers are copied only to integers of the same type. */
    void copy(Tensor x, Tensor out);

    /** x = value everywhere; floating point or I32. */
    void fill(Tensor x, float value);

    /** x[t, :] += bias for every row; x [T, N], bias [N]. */
    void addBias(Tensor x, Tensor bias);

    /** dBias += sum over rows of dy; dy [T, N], dBias [N]. */
    void addBiasGrad(Tensor dy, Tensor dBias);

    // ---- random numbers -------------------------------------------------------------------------------------------------------------------

    /**
     * x = mean + deviation * normal numbers. Element i (row-major, of the global tensor) depends only on (seed, {@code globalColumns}, its global row
     * and column), so that slices made on any grid are slices of the same tensor: element (r, c) of {@code x} is element
     * (firstRow + r, firstColumn + c) of a tensor of {@code globalColumns} columns. {@link Philox} has the numbers.
     */
    void fillNormal(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float mean, float deviation);

    /** As {@link #fillNormal} with uniform numbers in [low, high). */
    void fillUniform(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float low, float high);

    /**
     * out = x with elements dropped with {@code probability} (less than 1) and the others scaled by 1/(1 - probability); the mask is a function of
     * (seed, index) as in {@link #fillUniform}: an element is dropped where the uniform number in [0, 1) is below the probability. So applying it to a
     * gradient is the gradient. {@code out} may be the same as {@code x}.
     */
    void dropout(Tensor x, long seed, long firstRow, long firstColumn, long globalColumns, float probability, Tensor out);

    // ---- embedding ------------------------------------------------------------------------------------------------------------------------

    /**
     * out[t] = table[ids[t] - firstRow], zeros where that is outside the table (rows of another rank). ids I32 [T], table [V', D], out [T, D].
     */
    void embedding(Tensor ids, Tensor table, long firstRow, Tensor out);

    /** dTable[ids[t] - firstRow] += dy[t], in token order; ids outside are skipped. */
    void embeddingGrad(Tensor ids, Tensor dy, long firstRow, Tensor dTable);

    // ---- normalisation --------------------------------------------------------------------------------------------------------------------

    /**
     * RMSNorm (arXiv 1910.07467) over groups of K columns: x [T, n*K], weight [K], out like x; mean of squares in float32, times rsqrt, rounded to the
     * type of x, then times weight. n = 1 is the usual norm of a row, n = heads is the norm of queries or keys. {@code inverseRms} float32 [T, n] is
     * written for the gradient, or null. {@code out} may be the same as {@code x} only where no gradient is needed.
     */
    void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out, Tensor inverseRms);

    /** residual += delta, then {@link #rmsNorm} of the sum into {@code out}: one pass over memory. All [T, D]. */
    void addRmsNorm(Tensor residual, Tensor delta, Tensor weight, float epsilon, Tensor out, Tensor inverseRms);

    /**
     * Gradient of {@link #rmsNorm} at the input {@code x}: dx written or accumulated as {@code dxWrite} says, dWeight += (skipped when null: a frozen norm).
     * {@code dx} may be the same as {@code dy} when overwritten.
     */
    void rmsNormGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeight);

    // ---- positions ------------------------------------------------------------------------------------------------------------------------

    /**
     * Rotates, in place, the first R elements of every group of {@code headSize} columns of x [T, n*headSize] by the token's position. The last group may end
     * after its R elements: so a view that begins at the rotated part of the first head turns the ends of heads. {@code cosSin}
     * float32 [P, R]: the R/2 cosines then the R/2 sines of each position, any attention factor multiplied in.
     * {@link Direction#BACKWARD} is the gradient.
     *
     * @param positions I32 [T], each below P
     */
    void rope(Tensor x, int headSize, Tensor positions, Tensor cosSin, RopeLayout layout, Direction direction);

    // ---- attention ------------------------------------------------------------------------------------------------------------------------

    /**
     * Causal attention inside documents: query token i sees key token j when their documents are equal and position[j] <= position[i].
     * q [Tq, H*K], k [Tk, G*K], v [Tk, G*Kv], out [Tq, H*Kv], which may be float32 where they are narrower; {@code logSumExp} float32 [Tq, H] of the scaled scores, or
     * null. A query that sees no key gets zeros and -infinity.
     */
    void attention(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExp);

    /**
     * Gradient of {@link #attention}. {@code out} and {@code logSumExp} may belong to a larger set of keys than this call's (context parallel ring): then the
     * call gives this part's share. dq, dk, dv written as {@code write} says; dq, and dk with dv, may be float32 where the others are narrower, so that shares are
     * rounded once, when all are there. Rows of tokens that see or are seen by none get zero shares.
     */
    void attentionGrad(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                       TokenLayout keys, Tensor dq, Tensor dk, Tensor dv, Write write);

    /**
     * Attention of one further token of each of B sequences, which is added to the sequence's cache: sequence b has rows b*C to (b + 1)*C of the caches, its new token's place
     * among them is positions[b], and its query sees that place and all before. Lengths are read on the engine alone, so that the call can be replayed
     * ({@link Engine#replay}). q [B, H*K], k [B, G*K], v [B, G*Kv], keys [B*C, G*K], values [B*C, G*Kv], out [B, H*Kv].
     *
     * @param positions I32 [B], each below {@code reach}
     * @param reach     tokens of the longest sequence, new ones included, that work is planned for; at most C
     */
    void cachedAttention(Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor positions, int reach, Tensor keys, Tensor values, Tensor out);

    /**
     * Joins what {@link #attention} of the same queries gave for two sets of keys (context parallel ring): out and logSumExp, of one set, become those of both
     * sets. partOut and out [T, H*Kv], {@code out} may be float32 where the part is narrower; both log-sum-exps float32 [T, H]. Zeros and -infinity stay where
     * neither set has a key that the query sees.
     */
    void mergeAttention(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp);

    /**
     * Keys and values of latent attention from what its up projection gives (arXiv 2405.04434): up [T, H*(N + Kv)] holds each head's key without position,
     * N wide, then its value; rotary [T, R] is the part with position that all heads share. k [T, H*(N + R)] = each head's [N of up | rotary], v [T, H*Kv] = its
     * values. H, N + R and Kv are heads, keySize and valueSize of {@code shape}.
     */
    void latentHeads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v);

    /** Gradient of {@link #latentHeads}: dUp and dRotary (the sum over heads, in their order), both overwritten. */
    void latentHeadsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary);

    // ---- feed-forward ---------------------------------------------------------------------------------------------------------------------

    /** SwiGLU (arXiv 2002.05202): out = silu(gate) * up with gateUp [T, 2F] = [gate | up], out [T, F]. */
    void swiGlu(Tensor gateUp, Tensor out);

    /** Gradient of {@link #swiGlu}; dGateUp may be the same as gateUp. */
    void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp);

    /**
     * {@link #swiGluGrad} and {@link #swiGlu} in one pass over memory, for who needs both in backward: the gradient dOut [T, F] becomes swiGlu(gateUp), and
     * gateUp [T, 2F] becomes its own gradient.
     */
    void swiGluBackward(Tensor dOut, Tensor gateUp);

    // ---- loss -----------------------------------------------------------------------------------------------------------------------------

    /**
     * Per row of logits [T, V'] of which column 0 is vocabulary entry {@code firstColumn}: logSumExp[t] over these columns, and picked[t] = logit of
     * labels[t] if it is one of these columns, otherwise 0. Both float32 [T]. labels I32 [T]; negative = no loss, picked 0.
     */
    void softmaxStatistics(Tensor logits, Tensor labels, long firstColumn, Tensor logSumExp, Tensor picked);

    /**
     * logits[t, c] = scale[t] * (exp(logits[t, c] - logSumExp[t]) - [c + firstColumn == labels[t]]), in place; rows with a negative label become 0.
     * {@code logSumExp} is over the whole vocabulary. scale float32 [T].
     */
    void crossEntropyGrad(Tensor logits, Tensor logSumExp, Tensor labels, long firstColumn, Tensor scale);

    /** ids[t] = the place of the largest number of row t of logits [T, V], the smallest of several; -1 where the row has a NaN. ids I32 [T]. */
    void likeliest(Tensor logits, Tensor ids);

    // ---- optimizer ------------------------------------------------------------------------------------------------------------------------

    /** out[0] = or += the sum of squares of x. out float32 or float64 [1] on the engine. A NaN or infinity of x shows in the result. */
    void sumOfSquares(Tensor x, Tensor out, Write write);

    /**
     * What a summed gradient is multiplied by, without a visit to the host: with norm = sqrt(squares[0]) / |denominator|, factor[0] = 1 / denominator * min(1, clip /
     * (norm + 1e-6)), computed in float64. Not finite where the squares are not. All three [1] on the engine: squares F32 or F64, factor and norm F32.
     *
     * @param denominator what the sum is divided by; 0 when no token was trained: factor and norm are then 0 where the squares are 0
     * @param clip        largest norm, 0 = no clipping
     */
    void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm);

    /**
     * One AdamW update of a flat range [n]; {@link AdamWTensors} has the forms of its state. The gradient, F32 or BF16, is first multiplied by factor[0] (float32 [1] on
     * the engine: normalisation and clipping), so no pass of its own is needed. Where that is NaN or infinite nothing is written.
     * With g the scaled gradient and t the step: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w *= 1 - rate * decay;
     * w -= rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
     */
    void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor);

    /**
     * One step of SGD with momentum on float32 {@code value}: moment = momentum * moment + (scaled gradient + weightDecay * value); value -= learningRate * moment.
     * {@code copy}, when not null, receives the value rounded to its type as {@link AdamWTensors} says. Where factor[0] is NaN or infinite nothing is written.
     */
    void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy);

    // ---- mixture of experts ---------------------------------------------------------------------------------------------------------------

    /**
     * Routing, dispatch and experts' products.
     *
     * @throws UnsupportedOperationException where an engine has none yet
     */
    default ExpertKernels experts() {
        throw new UnsupportedOperationException("this engine has no kernels for mixtures of experts yet; train this model with --engine nd4j");
    }

    // ---- eight bits -----------------------------------------------------------------------------------------------------------------------

    /**
     * Products in eight bits.
     *
     * @throws UnsupportedOperationException where an engine has none, saying why and what to do
     */
    default Fp8Kernels fp8() {
        throw new UnsupportedOperationException("--fp8_format: these kernels do not multiply in eight bits; use --kernels host, or --engine cuda");
    }
}
