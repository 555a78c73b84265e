package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Cache of one growing sequence: the tokens of each pass follow those of the passes before, as one document numbered 0. */
public final class SequenceCache implements AttentionCache {

    private final Tensor[] keys;
    private final Tensor[] values;
    private final Tensor positions;
    private final Tensor documents;
    private final int[] hostPositions;
    private final int[] hostDocuments;
    private final int capacity;
    private int length;

    /**
     * @param frame    gives [capacity, G*K] of keys and [capacity, G*Kv] of values per layer, of {@code dtype}; must outlive this cache
     * @param capacity longest sequence, in tokens
     */
    public SequenceCache(ModelConfig config, Engine engine, Arena.Frame frame, int capacity, DType dtype) {
        this(config, config.kvHeads(), engine, frame, capacity, dtype);
    }

    /** As the other, on a rank that holds {@code kvHeads} of the key/value heads G. */
    public SequenceCache(ModelConfig config, int kvHeads, Engine engine, Arena.Frame frame, int capacity, DType dtype) {
        this.capacity = capacity;
        long keyColumns = (long) kvHeads * config.headSize();
        long valueColumns = (long) kvHeads * config.valueSize();
        keys = new Tensor[config.layers()];
        values = new Tensor[config.layers()];
        for (int layer = 0; layer < keys.length; layer++) {
            keys[layer] = frame.tensor("cache.keys." + layer, dtype, capacity, keyColumns);
            values[layer] = frame.tensor("cache.values." + layer, dtype, capacity, valueColumns);
        }
        hostPositions = IntStream.range(0, capacity).toArray();
        hostDocuments = new int[capacity];
        positions = frame.tensor("cache.positions", DType.I32, capacity);
        documents = frame.tensor("cache.documents", DType.I32, capacity);
        engine.write(positions, HostArrays.bytes(hostPositions));
        engine.write(documents, HostArrays.bytes(hostDocuments));
    }

    /** Tokens held: the position of the next one. */
    public int length() {
        return length;
    }

    /** To be called after each pass. @param tokens of the pass */
    public void advance(int tokens) {
        length += tokens;
    }

    /** Forgets tokens from this length on. */
    public void truncate(int toLength) {
        length = Math.min(length, toLength);
    }

    @Override
    public Keys append(int layer, Tensor k, Tensor v, Kernels kernels) {
        int reach = length + (int) k.rows();
        if (reach > capacity) {
            throw new IllegalStateException("sequence of " + reach + " tokens does not fit the cache of " + capacity);
        }
        kernels.copy(k, keys[layer].rows(length, k.rows()));
        kernels.copy(v, values[layer].rows(length, v.rows()));
        TokenLayout layout = new TokenLayout(reach, positions.rows(0, reach), documents.rows(0, reach), new int[] {0, reach},
                Arrays.copyOf(hostPositions, reach), Arrays.copyOf(hostDocuments, reach));
        return new Keys(keys[layer].rows(0, reach), values[layer].rows(0, reach), layout);
    }
}
