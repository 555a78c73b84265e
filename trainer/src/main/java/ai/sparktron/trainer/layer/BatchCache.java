package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Caches of B sequences side by side, each with room for C tokens: prompts go to one of them, a step adds one token to each. */
public final class BatchCache {

    private final Tensor[] keys;
    private final Tensor[] values;
    private final List<SequenceCache> sequences = new ArrayList<>();

    /**
     * @param frame     gives [B*C, G*K] of keys and [B*C, G*Kv] of values per layer, of {@code dtype}; must outlive this cache
     * @param sequences B
     * @param capacity  C, longest sequence, in tokens
     */
    public BatchCache(ModelConfig config, Engine engine, Arena.Frame frame, int sequences, int capacity, DType dtype) {
        long keyColumns = (long) config.kvHeads() * config.headSize();
        long valueColumns = (long) config.kvHeads() * config.valueSize();
        long rows = (long) sequences * capacity;
        keys = new Tensor[config.layers()];
        values = new Tensor[config.layers()];
        for (int layer = 0; layer < keys.length; layer++) {
            keys[layer] = frame.tensor("cache.keys." + layer, dtype, rows, keyColumns);
            values[layer] = frame.tensor("cache.values." + layer, dtype, rows, valueColumns);
        }
        SequenceCache.Places places = SequenceCache.Places.of(capacity, engine, frame);
        for (int sequence = 0; sequence < sequences; sequence++) {
            this.sequences.add(new SequenceCache(part(keys, sequence, capacity), part(values, sequence, capacity), places));
        }
    }

    private static Tensor[] part(Tensor[] all, int sequence, int capacity) {
        return Arrays.stream(all).map(tensor -> tensor.rows((long) sequence * capacity, capacity)).toArray(Tensor[]::new);
    }

    /** The cache of one sequence. */
    public SequenceCache of(int sequence) {
        return sequences.get(sequence);
    }

    /**
     * For a pass of one token of each sequence. What it adds is told to the caches of the sequences by {@link SequenceCache#advance}.
     *
     * @param reach tokens of the longest sequence that may come, the new ones included
     */
    public AttentionCache step(int reach) {
        return (layer, own, core, kernels, scratch, out) -> kernels.cachedAttention(own.q(), own.k(), own.v(), own.shape(), own.queries().positions(), reach, keys[layer],
                values[layer], out);
    }
}
