package ai.sparktron.trainer.kernels;

/**
 * Fixed facts of an attention call.
 *
 * @param heads     query heads H of this rank
 * @param kvHeads   key/value heads G of this rank; H is a multiple of G, query head h reads key head h / (H / G)
 * @param keySize   size K of a query and key head
 * @param valueSize size of a value head; differs from {@code keySize} in latent attention
 * @param scale     factor on the products, usually 1/sqrt(K)
 */
public record AttentionShape(int heads, int kvHeads, int keySize, int valueSize, float scale) {
    public AttentionShape {
        if (heads <= 0 || kvHeads <= 0 || heads % kvHeads != 0) {
            throw new IllegalArgumentException("attention heads " + heads + " over " + kvHeads
                    + " key/value heads: expected a positive multiple (config keys num_attention_heads, num_key_value_heads)");
        }
        if (keySize <= 0 || valueSize <= 0) {
            throw new IllegalArgumentException("attention head sizes " + keySize + " and " + valueSize + ": expected > 0");
        }
    }
}
