package ai.sparktron.packing.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.packing.bin.Packing;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Random rows for shard tests. */
final class Rows {

    static final int VOCABULARY = 50_000;
    static final int CAPACITY = 20_000;

    private Rows() {
    }

    static ShardMetadata metadata() {
        return ShardMetadata.of("tok-1", "template-1", VOCABULARY, CAPACITY, Packing.BEST_FIT, 42).withNote("data set", "demo é");
    }

    /** Rows of 1 to {@code longest} tokens, every third with weights. */
    static List<PackedRowBuilder> random(int count, int longest, long seed) {
        Random random = new Random(seed);
        List<PackedRowBuilder> rows = new ArrayList<>();
        for (int r = 0; r < count; r++) {
            PackedRowBuilder row = new PackedRowBuilder();
            int tokens = 1 + random.nextInt(longest);
            while (row.tokens() < tokens) {
                int length = 1 + random.nextInt(tokens - row.tokens());
                int[] ids = random.ints(length, 0, VOCABULARY).toArray();
                int[] labels = ids.clone();
                float[] weights = r % 3 == 1 ? new float[length] : null;
                for (int t = 0; t < length; t++) {
                    labels[t] = random.nextBoolean() ? PackedRowBuilder.IGNORED : ids[t];
                    if (weights != null) {
                        weights[t] = random.nextFloat();
                    }
                }
                row.add(ids, labels, weights);
            }
            rows.add(row);
        }
        return rows;
    }

    static void assertSame(TokenRow expected, TokenRow actual, String what) {
        assertEquals(expected.ids(), actual.ids(), what);
        assertEquals(expected.labels(), actual.labels(), what);
        assertEquals(expected.positions(), actual.positions(), what);
        assertEquals(expected.weightsOrNull(), actual.weightsOrNull(), what);
    }

    static ShardCounts counts(List<PackedRowBuilder> rows) {
        ShardCounts counts = ShardCounts.ZERO;
        for (PackedRowBuilder row : rows) {
            counts = counts.plus(new ShardCounts(1, row.tokens(), row.trainedTokens(), row.documents()));
        }
        return counts;
    }
}
