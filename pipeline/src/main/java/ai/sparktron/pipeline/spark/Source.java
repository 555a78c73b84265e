package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.dataset.DatasetSpec;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * One dataset of a run, found but not read.
 *
 * @param spec     what the user wrote
 * @param sections its parts in order
 * @param identity what its content is known by: one line per file (path, size, time), or per hub snapshot; null where nothing identifies it
 */
record Source(DatasetSpec spec, List<Section> sections, String identity) {

    Source {
        sections = List.copyOf(sections);
    }

    String name() {
        return spec.toString();
    }

    /** A part of a source that is read in one way. */
    sealed interface Section {
    }

    /** Text files, or parts of one. */
    record Slices(List<Slice> slices) implements Section {
        public Slices {
            slices = List.copyOf(slices);
        }
    }

    /** A frame whose partitions, in order, give the rows in a stable order. */
    record Frame(String name, Dataset<Row> rows) implements Section {
    }
}
