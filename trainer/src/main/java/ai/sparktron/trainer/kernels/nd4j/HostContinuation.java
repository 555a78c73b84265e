package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.stream.IntStream;

/** What a step of continuation has of its own, on the host: one sequence after the other by the kernels that there are. */
final class HostContinuation {

    private HostContinuation() {
    }

    static void attention(Kernels kernels, Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor positions, int reach, Tensor keys, Tensor values, Tensor out) {
        IntBuffer places = ints(positions);
        long capacity = keys.rows() / q.rows();
        for (int sequence = 0; sequence < q.rows(); sequence++) {
            int place = places.get(sequence);
            if (place < 0 || place >= reach) {
                throw new IllegalStateException("cachedAttention: sequence " + sequence + " is at place " + place + ": expected 0 to " + (reach - 1)
                        + ", which is what work was planned for");
            }
            long first = sequence * capacity;
            kernels.copy(k.rows(sequence, 1), keys.rows(first + place, 1));
            kernels.copy(v.rows(sequence, 1), values.rows(first + place, 1));
            kernels.attention(q.rows(sequence, 1), keys.rows(first, place + 1L), values.rows(first, place + 1L), shape, layout(place, 1), layout(0, place + 1),
                    out.rows(sequence, 1), null);
        }
    }

    /** Tokens of one document, for kernels that read the host's half of a layout. */
    private static TokenLayout layout(int from, int count) {
        return new TokenLayout(count, null, null, new int[] {0, count}, IntStream.range(from, from + count).toArray(), new int[count]);
    }

    static void likeliest(Tensor logits, Tensor ids) {
        HostRows rows = HostRows.of(logits);
        IntBuffer chosen = ints(ids);
        float[] values = new float[HostRows.CHUNK];
        for (int row = 0; row < logits.rows(); row++) {
            float largest = Float.NEGATIVE_INFINITY;
            int best = 0;
            boolean damaged = false;
            for (int column = 0; column < logits.columns(); column += HostRows.CHUNK) {
                int count = (int) Math.min(HostRows.CHUNK, logits.columns() - column);
                rows.load(row, column, count, values);
                for (int i = 0; i < count; i++) {
                    damaged |= Float.isNaN(values[i]);
                    if (values[i] > largest) {
                        largest = values[i];
                        best = column + i;
                    }
                }
            }
            chosen.put(row, damaged ? -1 : best);
        }
    }

    private static IntBuffer ints(Tensor tensor) {
        return ((ByteBuffer) tensor.view()).asIntBuffer();
    }
}
