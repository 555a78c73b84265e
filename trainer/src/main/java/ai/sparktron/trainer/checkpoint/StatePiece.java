package ai.sparktron.trainer.checkpoint;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.Objects;

/**
 * One rank's piece of a state tensor, to be written or to be filled.
 *
 * @param state  what it is: {@code value} (float32 main parameters), {@code exp_avg}, {@code exp_avg_sq}, {@code momentum_buffer} ...
 * @param slice  where its elements lie in the model's tensor
 * @param tensor the elements, [slice.elements()], contiguous
 */
public record StatePiece(String state, GlobalSlice slice, Tensor tensor) {
    public StatePiece {
        Objects.requireNonNull(state, "state");
        if (tensor.elements() != slice.elements()) {
            throw new IllegalStateException("state " + state + " of " + slice.name() + ": tensor " + tensor + " for " + slice.elements()
                    + " elements");
        }
    }

    /** Name of the tensor in a state file. */
    public String key() {
        return state + "/" + slice.name();
    }
}
