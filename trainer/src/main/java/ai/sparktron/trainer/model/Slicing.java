package ai.sparktron.trainer.model;

/** Which rectangle of a tensor this rank holds. Seam {@code slice(spec)}: strategies cut dimensions by their {@link Dim.Kind}; the default holds everything. */
@FunctionalInterface
public interface Slicing {

    TensorSlice slice(TensorSpec tensor);

    /** Everything on every rank. */
    static Slicing whole() {
        return TensorSlice::whole;
    }
}
