package ai.sparktron.trainer.data;

/** The order of all rows in one epoch: a permutation, computed place by place without holding it. */
public interface SampleOrder {

    /**
     * The row at {@code place} of the epoch.
     *
     * @param place 0 to rows - 1
     * @throws IndexOutOfBoundsException when place is out of range
     */
    long row(long place);
}
