package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.dataset.RowPermutation;
import java.io.Serializable;
import java.util.Arrays;

/**
 * Where each row of a run goes: from (source, row index) to positions in the training set and in the validation set, and from a position to the
 * bucket that becomes one shard. Broadcast to the tasks; not shared between threads.
 */
final class Routing implements Serializable {

    private static final long serialVersionUID = 1L;

    private final SourceSelection[] selections;
    private final int trainSources;
    private final Part train;
    private final Part validation;

    /**
     * One of the two sets.
     *
     * @param mixture how its sources are put together
     * @param shuffle whether the whole is permuted at the end
     * @param seed    of that permutation
     * @param buckets into how many shards it is cut
     */
    record Part(Mixture mixture, boolean shuffle, long seed, int buckets) implements Serializable {
        long size() {
            return mixture.size();
        }

        /** Bucket of a position: contiguous runs whose sizes differ by at most one. */
        int bucketOf(long position) {
            return (int) (Math.multiplyExact(position, (long) buckets) / size());
        }
    }

    /**
     * @param selections   sources of the training set, then those of {@code val_dataset}
     * @param trainSources how many of them are for training
     * @param train        the training set
     * @param validation   the validation set; its mixture counts every source (with size 0 for those that give it nothing); null = none
     */
    Routing(SourceSelection[] selections, int trainSources, Part train, Part validation) {
        this.selections = selections.clone();
        this.trainSources = trainSources;
        this.train = train;
        this.validation = validation;
    }

    Part train() {
        return train;
    }

    Part validation() {
        return validation;
    }

    /** Buckets of both sets: those of training first. */
    int buckets() {
        return train.buckets() + (validation == null ? 0 : validation.buckets());
    }

    boolean isValidation(int bucket) {
        return bucket >= train.buckets();
    }

    /** Takes the places of a row. */
    interface Taker {
        /**
         * @param bucket   of {@link #buckets()}
         * @param position within its set
         */
        void take(int bucket, long position);
    }

    /** A router for one thread; it keeps the permutations. */
    Router router() {
        return new Router();
    }

    /** Routes rows of one task. */
    final class Router {
        private final SourceSelection.Drawer[] drawers = Arrays.stream(selections).map(SourceSelection::drawer).toArray(SourceSelection.Drawer[]::new);
        private final RowPermutation trainOrder = train.shuffle() ? new RowPermutation(train.size(), train.seed()) : null;
        private final RowPermutation validationOrder = validation != null && validation.shuffle()
                ? new RowPermutation(validation.size(), validation.seed()) : null;

        void route(int source, long row, Taker taker) {
            drawers[source].places(row, (forValidation, place) -> {
                boolean toValidation = forValidation || source >= trainSources;
                Part part = toValidation ? validation : train;
                RowPermutation order = toValidation ? validationOrder : trainOrder;
                part.mixture().positions(source, place, position -> {
                    long last = order == null ? position : order.positionOf(position);
                    taker.take(part.bucketOf(last) + (toValidation ? train.buckets() : 0), last);
                });
            });
        }
    }
}
