package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Keys and values of some tokens, or their gradients, side by side, so that they travel as one message.
 *
 * @param joined [T, G*K + G*Kv], contiguous
 * @param k      its first G*K columns
 * @param v      the others
 */
record KeyValues(Tensor joined, Tensor k, Tensor v) {

    static KeyValues allocate(Arena.Frame frame, String name, DType dtype, long tokens, AttentionShape shape) {
        long keys = (long) shape.kvHeads() * shape.keySize();
        long values = (long) shape.kvHeads() * shape.valueSize();
        Tensor joined = frame.tensor(name, dtype, tokens, keys + values);
        return new KeyValues(joined, joined.columns(0, keys), joined.columns(keys, values));
    }

    /** Takes over k [T, G*K] and v [T, G*Kv]; types are converted. */
    void fill(Kernels kernels, Tensor keys, Tensor values) {
        kernels.copy(keys, k);
        kernels.copy(values, v);
    }

    /** Gives k and v to tensors of another place; types are converted. */
    void give(Kernels kernels, Tensor keys, Tensor values) {
        kernels.copy(k, keys);
        kernels.copy(v, values);
    }

    KeyValues rows(long from, long count) {
        return new KeyValues(joined.rows(from, count), k.rows(from, count), v.rows(from, count));
    }
}
