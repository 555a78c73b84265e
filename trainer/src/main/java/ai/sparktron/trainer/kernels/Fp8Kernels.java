package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.Tensor;

/**
 * Products of matrices in eight bits, and the way there. Contracts are those of {@link Kernels}: out-parameters, no allocation, nothing waits for the host, so scales are
 * made and read on the engine.
 *
 * <p>A block of numbers whose largest magnitude is m becomes x * s, rounded to the type ({@link ai.sparktron.trainer.tensor.Float8}), where s = largest of the type / m; its
 * scale is 1 / s. A block of zeros has s = 1. Where m is not finite the scale is NaN, so that what was not finite stays so in every product.
 */
public interface Fp8Kernels {

    /** What the largest magnitudes of past steps say of the next one. */
    enum Outlook {
        /** As the last step. */
        MOST_RECENT,
        /** As the largest that is remembered. */
        MAX
    }

    /** How products are summed. */
    enum Sums {
        /** In float32. */
        EXACT,
        /** On tensor cores that sum in fewer bits where that is faster: good enough for activations, not for gradients. */
        FAST
    }

    /** largest[0] = the largest magnitude of x [R, C], or the larger of both where {@code write} accumulates; not finite where x has such numbers. F32 [1]. */
    void largest(Tensor x, Tensor largest, Write write);

    /**
     * Quantises x [R, C] with one scale, by a largest magnitude that may be another matrix's: what is larger saturates.
     *
     * @param largest float32 [1]
     * @param rows    takes x, [R, C] WHOLE; null = not wanted
     * @param turned  takes the transpose as {@link Quantised#allocateTurned} says, WHOLE, of the type of {@code rows}; null = not wanted
     * @param seen    float32 [1], raised to the largest magnitude of x; null = not wanted
     */
    void quantise(Tensor x, Tensor largest, Quantised rows, Quantised turned, Tensor seen);

    /**
     * Quantises x [R, C] with a scale a block, s rounded down to a power of two so that scaling rounds nothing (Transformer Engine's Float8BlockScaling). ROW_PIECES of the
     * transpose are 128 neighbours of a column, so both results are rounded from x.
     *
     * @param rows   takes x, [R, C] ROW_PIECES or SQUARES; null = not wanted
     * @param turned takes the transpose, of the blocks and the type of {@code rows}; null = not wanted
     */
    void quantiseBlocks(Tensor x, Quantised rows, Quantised turned);

    /**
     * The transpose of a quantised matrix, to the bit what quantising writes.
     *
     * @param rows   [R, C], WHOLE or SQUARES
     * @param turned as {@link Quantised#allocateTurned} says, of the blocks and the type of {@code rows}
     */
    void turn(Quantised rows, Quantised turned);

    /**
     * out [M, N] = a b^T, or += it, with a [M, K] and b [N, K]: both WHOLE, or each ROW_PIECES or SQUARES but not both SQUARES. One of the types may be F8_E5M2. The result
     * is F32, BF16 or F16. On GPUs N and K are multiples of 16, and with blocks M of 8.
     */
    void product(Quantised a, Quantised b, Tensor out, Write write, Sums sums);

    /**
     * Ends a step of delayed scaling for N matrices: history[place] = seen, with 0 for what is not finite; largest = what {@code outlook} says of the history, but as it was
     * where that is 0; seen = 0. seen and largest F32 [N], history F32 [H, N].
     */
    void remember(Tensor seen, Tensor history, long place, Outlook outlook, Tensor largest);
}
