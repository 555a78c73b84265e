package ai.sparktron.trainer.train;

/**
 * Memory of a rank by what it is for and how long it lives, in bytes.
 *
 * @param weights     values that layers use, run: those of a whole layer too that are gathered for it where the model is shared out
 * @param gradients   run
 * @param optimizer   its state, main weights among it, run
 * @param tables      the rest of the run: rope tables, scalars
 * @param activations what forward leaves to backward, and gradients of the stream between stages, of all passes in flight
 * @param logits      scores of the vocabulary and their gradient, call
 * @param exchanged   copies that collectives need, call
 * @param scratch     the rest of a call
 * @param passes      passes in flight at most: of a micro-batch through one chunk of layers each
 */
public record MemoryUse(long weights, long gradients, long optimizer, long tables, long activations, long logits, long exchanged, long scratch, int passes) {

    /** All of it. */
    public long total() {
        return weights + gradients + optimizer + tables + activations + logits + exchanged + scratch;
    }
}
