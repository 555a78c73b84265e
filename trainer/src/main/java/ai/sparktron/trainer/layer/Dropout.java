package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Leaves out elements of an activation in training. What is left out depends on the seed, on the token's name ({@link HostTokens#names()}) and on the column in
 * the whole activation: so running forward again, another number of rows in a micro-batch and any grid leave out the same.
 *
 * @param probability of being left out; 0 = never
 * @param seed        of this place in the model
 */
record Dropout(float probability, long seed) {

    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** Dropout at a place of the model that its name tells from others. */
    static Dropout at(String place, float probability, long seed) {
        return new Dropout(probability, seed ^ Initialiser.fingerprint(place));
    }

    boolean isActive(Pass pass) {
        return probability > 0 && pass.batch().names() != null;
    }

    /** Whether elements of rows with these keys are left out. @param keys null = none */
    boolean isActive(Tensor keys) {
        return probability > 0 && keys != null;
    }

    /**
     * @param slice of a matrix whose columns are those of x: says which columns are here
     * @return x itself when nothing is left out, otherwise a tensor of {@code scratch}
     */
    Tensor forward(Tensor x, TensorSlice slice, Arena.Frame scratch, Pass pass) {
        if (!isActive(pass)) {
            return x;
        }
        Tensor dropped = scratch.tensor("dropped", x.dtype(), x.rows(), x.columns());
        apply(x, dropped, slice, pass);
        return dropped;
    }

    /** Turns the gradient of the result into that of x, in place. */
    void backward(Tensor gradient, TensorSlice slice, Pass pass) {
        apply(gradient, gradient, slice, pass);
    }

    /** As the other, of rows that are not in the order of the tokens. @param keys float32 [N], {@link TokenBatch#keys} of the rows' tokens, or null */
    Tensor forward(Tensor x, Tensor keys, TensorSlice slice, Arena.Frame scratch, Pass pass) {
        if (!isActive(keys)) {
            return x;
        }
        Tensor dropped = scratch.tensor("dropped", x.dtype(), x.rows(), x.columns());
        pass.kernels().experts().dropout(x, keys, seed, slice.firstColumn(), slice.tensor().columns(), probability, dropped);
        return dropped;
    }

    /** Turns the gradient of the result into that of x, in place. */
    void backward(Tensor gradient, Tensor keys, TensorSlice slice, Pass pass) {
        pass.kernels().experts().dropout(gradient, keys, seed, slice.firstColumn(), slice.tensor().columns(), probability, gradient);
    }

    private void apply(Tensor x, Tensor out, TensorSlice slice, Pass pass) {
        for (TokenNames.Run run : pass.batch().names().runs()) {
            pass.kernels().dropout(x.rows(run.from(), run.tokens()), seed ^ run.sample() * GOLDEN, run.place(), slice.firstColumn(), slice.tensor().columns(),
                    probability, out.rows(run.from(), run.tokens()));
        }
    }
}
