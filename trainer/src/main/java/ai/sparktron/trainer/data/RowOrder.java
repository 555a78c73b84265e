package ai.sparktron.trainer.data;

import java.util.Objects;

/** How epochs order the rows: option {@code dataloader_type}. */
public enum RowOrder {

    /** Another random permutation each epoch ({@code cyclic}, the default). */
    SHUFFLED {
        @Override
        public SampleOrder of(long seed, long epoch, long rows) {
            return new KeyedPermutation(seed, epoch, rows);
        }
    },

    /** As stored, every epoch ({@code single}); evaluation always. The last rows of the data, less than a global batch, are then never trained on. */
    SEQUENTIAL {
        @Override
        public SampleOrder of(long seed, long epoch, long rows) {
            return place -> Objects.checkIndex(place, rows);
        }
    };

    /** The order of an epoch: a pure function of its arguments. */
    public abstract SampleOrder of(long seed, long epoch, long rows);
}
