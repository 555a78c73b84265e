package ai.sparktron.trainer.model;

import ai.sparktron.trainer.tensor.Shape;
import java.util.List;
import java.util.Objects;

/**
 * One tensor of a model as Hugging Face files know it: its name there and its global dimensions, whatever part of it a rank holds.
 *
 * @param name           name in Hugging Face files
 * @param dims           one dimension (biases, norms) or two, [out, in]
 * @param initialisation values without a checkpoint
 * @param expert         the expert it belongs to; null for what every token sees
 */
public record TensorSpec(String name, List<Dim> dims, Initialisation initialisation, Expert expert) {

    /**
     * One of the experts of a layer.
     *
     * @param index from 0
     * @param of    how many there are
     */
    public record Expert(int index, int of) {
    }

    public TensorSpec {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(initialisation, "initialisation");
        dims = List.copyOf(dims);
        if (dims.isEmpty() || dims.size() > 2) {
            throw new IllegalArgumentException("tensor " + name + " of " + dims.size() + " dimensions: expected 1 or 2");
        }
    }

    /** Of what every token sees. */
    public TensorSpec(String name, List<Dim> dims, Initialisation initialisation) {
        this(name, dims, initialisation, null);
    }

    /** Whether it belongs to an expert. */
    public boolean ofExpert() {
        return expert != null;
    }

    /** Global shape. */
    public Shape shape() {
        return dims.size() == 1 ? Shape.of(dims.get(0).size()) : Shape.of(dims.get(0).size(), dims.get(1).size());
    }

    /** Global rows; 1 for a vector. */
    public long rows() {
        return dims.size() == 1 ? 1 : dims.get(0).size();
    }

    /** Global columns: size of the last dimension. */
    public long columns() {
        return dims.get(dims.size() - 1).size();
    }

    public long elements() {
        return rows() * columns();
    }
}
