package ai.sparktron.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.packing.bin.RowPlan;
import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.ShardEntry;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.packing.shard.ShardVerification;
import ai.sparktron.packing.shard.ShardWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole way of the data: samples, plan, rows, shards, manifest, micro-batches of four ranks. What goes in comes out, each sample once. */
final class PackedDataSetTest {

    private static final int CAPACITY = 128;

    @TempDir
    Path directory;

    private final Random random = new Random(31);
    private final List<int[]> samples = new ArrayList<>();
    private final List<boolean[]> trained = new ArrayList<>();

    @Test
    void everySampleIsTrainedOnExactlyOnceAnEpoch() throws IOException {
        Map<String, Integer> expected = new HashMap<>();
        for (int sample = 0; sample < 1000; sample++) {
            int[] ids = random.ints(1 + random.nextInt(60), 1, 500).toArray();
            boolean[] mask = new boolean[ids.length];
            for (int t = 1; t < ids.length; t++) {
                mask[t] = random.nextInt(3) > 0;
            }
            samples.add(ids);
            trained.add(mask);
            expected.merge(sampleText(ids, mask), 1, Integer::sum);
        }
        write(3);
        Map<String, Integer> actual = new HashMap<>();
        try (ShardSource source = ShardSource.open(List.of(directory), ShardVerification.CHECKSUMS)) {
            assertTrue(source.manifests().get(0).fill() > 0.99, "fill " + source.manifests().get(0).fill());
            int global = 8;
            long steps = TrainingLength.evaluationSteps(source.rows(), global);
            for (int rank = 0; rank < 4; rank++) {
                try (PrefetchedSteps ahead = new PrefetchedSteps(
                        MicroBatchSource.evaluation(source, new BatchShape(2, global, rank, 4, 64, 0)), 2)) {
                    for (long step = 0; step < steps; step++) {
                        ahead.next().microBatches().forEach(batch -> count(batch, actual));
                    }
                }
            }
        }
        assertEquals(expected, actual);
    }

    private void write(int shards) throws IOException {
        int[] lengths = samples.stream().mapToInt(ids -> ids.length).toArray();
        RowPlan plan = Packing.BEST_FIT.packer().pack(lengths, CAPACITY);
        ShardMetadata metadata = ShardMetadata.of("t", "t", 500, CAPACITY, Packing.BEST_FIT, 31);
        List<ShardEntry> entries = new ArrayList<>();
        PackedRowBuilder row = new PackedRowBuilder();
        for (int shard = 0; shard < shards; shard++) {
            try (ShardWriter writer = ShardWriter.create(directory.resolve("part-" + shard + ".arrow"), metadata)) {
                for (int r = shard * plan.rows() / shards; r < (shard + 1) * plan.rows() / shards; r++) {
                    row.clear();
                    for (int sample : plan.samplesOf(r)) {
                        row.add(samples.get(sample), labels(sample), null);
                    }
                    writer.append(row);
                }
                entries.add(writer.finish());
            }
        }
        new ShardManifest(metadata, entries).write(directory);
    }

    private int[] labels(int sample) {
        int[] labels = samples.get(sample).clone();
        for (int t = 0; t < labels.length; t++) {
            labels[t] = trained.get(sample)[t] ? labels[t] : PackedRowBuilder.IGNORED;
        }
        return labels;
    }

    private static String sampleText(int[] ids, boolean[] mask) {
        return Arrays.toString(ids) + Arrays.toString(mask);
    }

    /** Takes a micro-batch apart by its document numbers and undoes the shift of the labels. */
    private static void count(MicroBatch batch, Map<String, Integer> into) {
        int start = 0;
        while (start < batch.tokens()) {
            int end = start;
            while (end < batch.tokens() && batch.documents()[end] == batch.documents()[start]) {
                assertEquals(end - start, batch.positions()[end]);
                end++;
            }
            int[] ids = Arrays.copyOfRange(batch.ids(), start, end);
            boolean[] mask = new boolean[ids.length];
            for (int t = 0; t + 1 < ids.length; t++) {
                int label = batch.labels()[start + t];
                mask[t + 1] = label != MicroBatch.IGNORED;
                assertTrue(label == MicroBatch.IGNORED || label == ids[t + 1], "a label is not the next token of its document");
            }
            assertEquals(MicroBatch.IGNORED, batch.labels()[end - 1]);
            if (ids[0] != 0) {
                into.merge(sampleText(ids, mask), 1, Integer::sum);
            }
            start = end;
        }
    }
}
