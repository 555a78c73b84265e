package ai.sparktron.trainer.model;

/**
 * Which tensors this rank holds, and which rectangle of each. Seam {@code slice(spec)}: strategies cut dimensions by their {@link Dim.Kind}; the default holds
 * everything.
 */
@FunctionalInterface
public interface Slicing {

    /** @param tensor that is held here */
    TensorSlice slice(TensorSpec tensor);

    /** Whether anything of a tensor is held here: experts are dealt out whole. */
    default boolean holds(TensorSpec tensor) {
        return true;
    }

    /** Everything on every rank. */
    static Slicing whole() {
        return TensorSlice::whole;
    }
}
