package ai.sparktron.trainer.measure;

/**
 * Work of kernels.
 *
 * @param productFlops   floating-point operations of matrix products, two a multiplication
 * @param eightBitFlops  those of products in eight bits
 * @param attentionFlops those of attention: two products of scores and values forward, five backward
 * @param bytes          that all other kernels read or write, each operand once
 */
public record Work(double productFlops, double eightBitFlops, double attentionFlops, double bytes) {

    public static final Work NONE = new Work(0, 0, 0, 0);

    /** The sum of both. */
    public Work plus(Work other) {
        return new Work(productFlops + other.productFlops, eightBitFlops + other.eightBitFlops, attentionFlops + other.attentionFlops, bytes + other.bytes);
    }

    /** So many times as much; negative counts take away. */
    public Work times(double count) {
        return new Work(productFlops * count, eightBitFlops * count, attentionFlops * count, bytes * count);
    }

    /** Operations of products and attention. */
    public double flops() {
        return productFlops + eightBitFlops + attentionFlops;
    }
}
