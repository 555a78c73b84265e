package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.seam.AttentionCore.Operands;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Cache of one growing sequence: the tokens of each pass follow those of the passes before, as one document numbered 0. */
public final class SequenceCache implements AttentionCache {

    private final Tensor[] keys;
    private final Tensor[] values;
    private final Places places;
    private TokenLayout layout;
    private int length;

    /** Positions 0, 1, 2 ... [C] of one document, on the engine and on the host. */
    record Places(Tensor positions, Tensor documents, int[] hostPositions, int[] hostDocuments) {

        static Places of(int capacity, Engine engine, Arena.Frame frame) {
            int[] ascending = IntStream.range(0, capacity).toArray();
            int[] zeros = new int[capacity];
            Tensor positions = frame.tensor("cache.positions", DType.I32, capacity);
            Tensor documents = frame.tensor("cache.documents", DType.I32, capacity);
            engine.write(positions, HostArrays.bytes(ascending));
            engine.write(documents, HostArrays.bytes(zeros));
            return new Places(positions, documents, ascending, zeros);
        }

        TokenLayout upTo(int count) {
            return new TokenLayout(count, positions.rows(0, count), documents.rows(0, count), new int[] {0, count}, Arrays.copyOf(hostPositions, count),
                    Arrays.copyOf(hostDocuments, count));
        }
    }

    /** On a rank that holds {@code kvHeads} of the key/value heads G. The frame gives [capacity, G*K] of keys and [capacity, G*Kv] of values per layer, of {@code dtype}. */
    public SequenceCache(ModelConfig config, int kvHeads, Engine engine, Arena.Frame frame, int capacity, DType dtype) {
        this(new Tensor[config.layers()], new Tensor[config.layers()], Places.of(capacity, engine, frame));
        for (int layer = 0; layer < keys.length; layer++) {
            keys[layer] = frame.tensor("cache.keys." + layer, dtype, capacity, (long) kvHeads * config.headSize());
            values[layer] = frame.tensor("cache.values." + layer, dtype, capacity, (long) kvHeads * config.valueSize());
        }
    }

    /**
     * @param keys   [C, G*K] of each layer
     * @param values [C, G*Kv] of each layer
     */
    SequenceCache(Tensor[] keys, Tensor[] values, Places places) {
        this.keys = keys;
        this.values = values;
        this.places = places;
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
    public void attend(int layer, Operands own, AttentionCore core, Kernels kernels, Arena scratch, Tensor out) {
        int reach = length + own.queries().tokens();
        if (reach > places.hostPositions().length) {
            throw new IllegalStateException("sequence of " + reach + " tokens does not fit the cache of " + places.hostPositions().length);
        }
        kernels.copy(own.k(), keys[layer].rows(length, own.k().rows()));
        kernels.copy(own.v(), values[layer].rows(length, own.v().rows()));
        core.forward(kernels, scratch, new Operands(own.q(), keys[layer].rows(0, reach), values[layer].rows(0, reach), own.shape(), own.queries(), layout(reach), null), out,
                null);
    }

    /** The layers of a pass share one, which attention knows again. */
    private TokenLayout layout(int reach) {
        if (layout == null || layout.tokens() != reach) {
            layout = places.upTo(reach);
        }
        return layout;
    }
}
