package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.TensorSpec;
import java.io.IOException;

/** The tensors of a model with its additions in them: W + scale * B A, a piece at a time. */
public final class MergedWeights implements WeightSource {

    private final WeightSource model;
    private final WeightSource additions;
    private final Adapters adapters;
    private String held = "";
    private float[] a;
    private float[] b;

    /**
     * @param model     gives the tensors without additions
     * @param additions gives A and B
     */
    public MergedWeights(WeightSource model, WeightSource additions, Adapters adapters) {
        this.model = model;
        this.additions = additions;
        this.adapters = adapters;
    }

    /** @throws IllegalArgumentException for an embedding that is the head too, whose addition is to the one alone */
    public static void requireSeparable(Adapters adapters, boolean tied) {
        if (tied && adapters.byTensor().containsKey("model.embed_tokens.weight")) {
            throw new IllegalArgumentException("the adapter adds to the embedding, which is the model's head too (tie_word_embeddings), and an addition is to the"
                    + " embedding alone: it cannot be merged into one table. Use the adapter beside its model, or train embed_tokens whole (modules_to_save)");
        }
    }

    @Override
    public float[] read(TensorSpec tensor, long from, int count) throws IOException {
        float[] values = model.read(tensor, from, count);
        LowRank addition = adapters.of(tensor);
        if (addition != null) {
            hold(tensor);
            add(values, from, tensor, addition);
        }
        return values;
    }

    /** Every rank of a group that gathers reads A and B once, at the first piece of the tensor they belong to. */
    private void hold(TensorSpec tensor) throws IOException {
        if (!held.equals(tensor.name())) {
            TensorSpec first = adapters.a(tensor);
            TensorSpec second = adapters.b(tensor);
            a = additions.read(first, 0, Math.toIntExact(first.elements()));
            b = additions.read(second, 0, Math.toIntExact(second.elements()));
            held = tensor.name();
        }
    }

    private void add(float[] values, long from, TensorSpec tensor, LowRank addition) {
        int columns = (int) tensor.columns();
        int rank = addition.rank();
        boolean table = Adapters.isTable(tensor);
        double[] row = new double[columns];
        long filled = -1;
        for (int i = 0; i < values.length; i++) {
            long place = from + i;
            if (place / columns != filled) {
                filled = place / columns;
                fill(row, (int) filled, rank, table);
            }
            values[i] += (float) (addition.scale() * row[(int) (place % columns)]);
        }
    }

    /** One row of B A; of a table's, where A is held [V, r] and B [D, r], one row of A B^T. */
    private void fill(double[] row, int at, int rank, boolean table) {
        java.util.Arrays.fill(row, 0);
        for (int r = 0; r < rank; r++) {
            double factor = (table ? a : b)[at * rank + r];
            for (int column = 0; column < row.length; column++) {
                row[column] += factor * (table ? b[column * rank + r] : a[r * row.length + column]);
            }
        }
    }
}
