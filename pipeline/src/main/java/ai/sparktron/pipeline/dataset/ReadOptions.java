package ai.sparktron.pipeline.dataset;

import java.util.Map;
import java.util.Objects;

/**
 * How rows are read.
 *
 * @param columns {@code --columns}: a row's column name to the name it is read under
 * @param use     what the rows are for
 * @param seed    {@code data_seed}; picks among several answers of one row
 */
public record ReadOptions(Map<String, String> columns, Use use, long seed) {

    /** What rows are read for. */
    public enum Use {
        /** A row without an answer is a bad row. */
        TRAIN,
        /** The last turn may be a question; what follows the last user turn is kept. */
        INFER
    }

    public static final ReadOptions TRAINING = new ReadOptions(Map.of(), Use.TRAIN, 42);

    public ReadOptions {
        columns = Map.copyOf(columns);
        Objects.requireNonNull(use, "use");
    }
}
