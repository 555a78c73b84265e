package ai.sparktron.trainer.model;

/**
 * A low-rank addition to a matrix W [out, in] of the model: W + scale * B A with A [rank, in] and B [out, rank] (LoRA, arXiv 2106.09685).
 *
 * @param rank  r
 * @param scale alpha / r, or with rank-stabilised LoRA alpha / sqrt(r)
 */
public record LowRank(int rank, double scale) {
    public LowRank {
        if (rank < 1 || !Double.isFinite(scale)) {
            throw new IllegalArgumentException("low-rank addition of rank " + rank + " and scale " + scale + ": expected rank >= 1 and a finite scale");
        }
    }
}
