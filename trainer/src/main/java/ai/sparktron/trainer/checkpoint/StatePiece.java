package ai.sparktron.trainer.checkpoint;

import ai.sparktron.trainer.kernels.StoredNumbers;
import java.util.Objects;

/**
 * One rank's piece of a state tensor, to be written or to be filled.
 *
 * @param state   what it is: {@code value} (main parameters), {@code exp_avg}, {@code exp_avg_sq}, {@code momentum_buffer} ...
 * @param slice   where its elements lie in the model's tensor
 * @param numbers where they are kept
 * @param from    the number that is the slice's first element
 */
public record StatePiece(String state, GlobalSlice slice, StoredNumbers numbers, long from) {
    public StatePiece {
        Objects.requireNonNull(state, "state");
        if (from < 0 || from + slice.elements() > numbers.size()) {
            throw new IllegalStateException("state " + state + " of " + slice.name() + ": numbers " + from + " to " + (from + slice.elements()) + " of "
                    + numbers.size());
        }
    }

    /** Name of the tensor in a state file. */
    public String key() {
        return state + "/" + slice.name();
    }
}
