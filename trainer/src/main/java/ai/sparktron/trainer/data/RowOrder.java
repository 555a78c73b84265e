package ai.sparktron.trainer.data;

import java.util.Objects;

/** How epochs order the rows: option {@code train_dataloader_shuffle}. */
public enum RowOrder {

    /** Another random permutation each epoch ({@code train_dataloader_shuffle true}, the default). */
    SHUFFLED {
        @Override
        public SampleOrder of(long seed, long epoch, long rows) {
            return new KeyedPermutation(seed, epoch, rows);
        }
    },

    /** As stored, every epoch; evaluation always. */
    SEQUENTIAL {
        @Override
        public SampleOrder of(long seed, long epoch, long rows) {
            return place -> Objects.checkIndex(place, rows);
        }
    };

    /** The order of an epoch: a pure function of its arguments. */
    public abstract SampleOrder of(long seed, long epoch, long rows);
}
