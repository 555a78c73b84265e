package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardEntry;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardReader;
import ai.sparktron.packing.shard.ShardVerification;
import ai.sparktron.packing.shard.TokenRow;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads samples back out of shards. */
final class Shards {

    private Shards() {
    }

    /** The first id of every sample, in the order of the shards. */
    static List<Integer> firstIds(String directory) throws Exception {
        List<Integer> ids = new ArrayList<>();
        for (int[] sample : samples(directory)) {
            ids.add(sample[0]);
        }
        return ids;
    }

    /** All samples in the order of the shards. */
    static List<int[]> samples(String directory) throws Exception {
        Path root = Path.of(directory.replaceFirst("^file:", ""));
        ShardManifest manifest = ShardManifest.read(root);
        manifest.verify(root);
        List<int[]> samples = new ArrayList<>();
        for (ShardEntry shard : manifest.shards()) {
            try (ShardReader reader = ShardReader.open(root.resolve(shard.file()), ShardVerification.CHECKSUMS)) {
                for (int row = 0; row < reader.rows(); row++) {
                    split(reader.row(row), samples);
                }
            }
        }
        return samples;
    }

    /** The number of every sample, in the order of {@link #samples}. */
    static List<Float> numbers(String directory) throws Exception {
        Path root = Path.of(directory.replaceFirst("^file:", ""));
        List<Float> numbers = new ArrayList<>();
        for (ShardEntry shard : ShardManifest.read(root).shards()) {
            try (ShardReader reader = ShardReader.open(root.resolve(shard.file()), ShardVerification.CHECKSUMS)) {
                for (int index = 0; index < reader.rows(); index++) {
                    TokenRow row = reader.row(index);
                    for (int t = 1; t <= row.tokens(); t++) {
                        if (t == row.tokens() || row.positions().get(t) == 0) {
                            numbers.add(row.weightsOrNull() == null ? 0 : row.weightsOrNull().get(t - 1));
                        }
                    }
                }
            }
        }
        return numbers;
    }

    private static void split(TokenRow row, List<int[]> samples) {
        int start = 0;
        for (int t = 1; t <= row.tokens(); t++) {
            if (t == row.tokens() || row.positions().get(t) == 0) {
                int[] ids = new int[t - start];
                row.ids().get(start, ids);
                samples.add(ids);
                start = t;
            }
        }
    }
}
