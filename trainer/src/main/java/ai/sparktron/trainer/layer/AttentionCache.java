package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/** Keys and values of tokens that were processed before, for generation. */
public interface AttentionCache {

    /**
     * Adds the keys and values of a pass to those of a layer, and attends to all of them.
     *
     * @param layer   index of the layer in the model
     * @param own     queries, keys (after rope) and values of the pass
     * @param core    attends where the cache knows nothing better
     * @param scratch memory that lives for the call
     * @param out     [T, H*Kv]
     */
    void attend(int layer, AttentionCore.Operands own, AttentionCore core, Kernels kernels, Arena scratch, Tensor out);
}
