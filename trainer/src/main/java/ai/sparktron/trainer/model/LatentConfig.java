package ai.sparktron.trainer.model;

/**
 * Multi-head latent attention (arXiv 2405.04434): keys and values of all heads are made from a narrow vector, queries perhaps from another.
 *
 * @param queryRank    {@code q_lora_rank}; 0 = queries come from the stream itself
 * @param keyValueRank {@code kv_lora_rank}
 * @param plainSize    {@code qk_nope_head_dim}, the part of a query and key head without position
 * @param rotarySize   {@code qk_rope_head_dim}, the part with position; that of the keys is one for all heads
 * @param valueSize    {@code v_head_dim}
 * @param pairs        whether rope turns neighbours ({@code rope_interleave}), otherwise halves
 */
public record LatentConfig(int queryRank, int keyValueRank, int plainSize, int rotarySize, int valueSize, boolean pairs) {

    /** Epsilon of the norms of both narrow vectors: DeepSeek's code and transformers' have it in the code, whatever {@code rms_norm_eps} says. */
    public static final float NORM_EPSILON = 1e-6f;

    public LatentConfig {
        if (queryRank < 0 || keyValueRank <= 0 || plainSize <= 0 || rotarySize <= 0 || valueSize <= 0) {
            throw new IllegalArgumentException("latent attention with q_lora_rank " + queryRank + ", kv_lora_rank " + keyValueRank + ", qk_nope_head_dim "
                    + plainSize + ", qk_rope_head_dim " + rotarySize + ", v_head_dim " + valueSize + ": expected > 0 (config.json)");
        }
    }

    /** Size of a query and key head. */
    public int headSize() {
        return plainSize + rotarySize;
    }
}
