package ai.sparktron.trainer.model;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * What a rank holds of a parameter: views of the flat buffers.
 *
 * @param spec     the global parameter
 * @param slices   the rectangle held of each part
 * @param value    [rows, columns] or [n], parts stacked; the activations' type
 * @param gradient float32, same shape, accumulated over a step; null when frozen or when not training
 * @param offset   first element in the flat value buffer; for a trainable parameter also in the flat gradient
 * @param mark     tells of the gradient whether it is the present step's
 */
public record Parameter(ParameterSpec spec, List<TensorSlice> slices, Tensor value, Tensor gradient, long offset, GradientMark mark) {
    public Parameter {
        slices = List.copyOf(slices);
    }

    /** Whether a weight gradient is wanted. */
    public boolean isTrained() {
        return gradient != null;
    }

    /** The held rows of one part, a view. */
    public Tensor part(int index) {
        return view(value, index);
    }

    /** The held rows of one part's gradient, a view. @throws IllegalStateException when frozen */
    public Tensor partGradient(int index) {
        if (gradient == null) {
            throw new IllegalStateException("parameter " + spec.name() + " has no gradient: it is frozen, or this model is not trained");
        }
        return view(gradient, index);
    }

    /** First element of a part in the flat value buffer. */
    public long partOffset(int index) {
        long elements = offset;
        for (int i = 0; i < index; i++) {
            elements += slices.get(i).elements();
        }
        return elements;
    }

    private Tensor view(Tensor whole, int index) {
        boolean vector = whole.shape().rank() == 1;
        long from = 0;
        for (int i = 0; i < index; i++) {
            from += vector ? slices.get(i).columns() : slices.get(i).rows();
        }
        TensorSlice slice = slices.get(index);
        return whole.rows(from, vector ? slice.columns() : slice.rows());
    }
}
