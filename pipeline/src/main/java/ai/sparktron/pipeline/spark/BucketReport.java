package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardEntry;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a task reports of its bucket: the shard it wrote, and figures. Small, so it returns as the task's result. */
final class BucketReport implements Serializable {

    private static final long serialVersionUID = 1L;
    /** Bad rows shown of each reason, at most. */
    static final int EXAMPLES = 3;

    final int bucket;
    final long[] nanos = new long[Stage.values().length];
    final LengthHistogram lengths = new LengthHistogram();
    final Map<String, Long> dropped = new TreeMap<>();
    final List<BadRowReport> examples = new ArrayList<>();
    ShardEntry shard;
    long rows;
    long kept;
    long jsonBytes;
    long textCharacters;
    /** Side files written, relative to the output directory; null = none. */
    String badRowsPart;
    String rawRowsPart;

    BucketReport(int bucket) {
        this.bucket = bucket;
    }

    void spent(Stage stage, long duration) {
        nanos[stage.ordinal()] += duration;
    }

    void drop(BadRowReport row) {
        long count = dropped.merge(row.reason(), 1L, Long::sum);
        if (count <= EXAMPLES) {
            examples.add(row);
        }
    }
}
