package ai.sparktron.trainer.data;

import ai.sparktron.packing.shard.TokenRow;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rows side by side, then padding. */
final class MicroBatchAssembly {

    private MicroBatchAssembly() {
    }

    /**
     * Without rows, a micro-batch of {@code padMultiple} padding tokens.
     *
     * @param samples number of each row among all uses of rows
     */
    static MicroBatch of(List<TokenRow> rows, List<Long> samples, int padMultiple, int padId) {
        long real = 0;
        boolean weighted = false;
        for (TokenRow row : rows) {
            real += row.tokens();
            weighted |= row.weightsOrNull() != null;
        }
        long padded = Math.max(1, (real + padMultiple - 1) / padMultiple) * padMultiple;
        int tokens = Math.toIntExact(padded);
        int[] ids = new int[tokens];
        int[] labels = new int[tokens];
        int[] positions = new int[tokens];
        float[] weights = weighted ? new float[tokens] : null;
        int at = 0;
        List<MicroBatch.Row> places = new ArrayList<>(rows.size());
        for (TokenRow row : rows) {
            places.add(new MicroBatch.Row(samples.get(places.size()), row.tokens()));
            row.ids().get(0, ids, at, row.tokens());
            row.labels().get(0, labels, at, row.tokens());
            row.positions().get(0, positions, at, row.tokens());
            if (weights != null) {
                putWeights(row, weights, at);
            }
            at += row.tokens();
        }
        Arrays.fill(ids, at, tokens, padId);
        Arrays.fill(labels, at, tokens, MicroBatch.IGNORED);
        return new MicroBatch(tokens, ids, labels, weights, positions, documents(positions), places);
    }

    /** A row that came without weights among rows that have them: every target weighs 1. */
    private static void putWeights(TokenRow row, float[] weights, int at) {
        if (row.weightsOrNull() != null) {
            row.weightsOrNull().get(0, weights, at, row.tokens());
            return;
        }
        for (int t = 0; t < row.tokens(); t++) {
            weights[at + t] = row.labels().get(t) == MicroBatch.IGNORED ? 0 : 1;
        }
    }

    /** A document starts wherever positions start again; padding stands at position 0, so each padding token is one. */
    private static int[] documents(int[] positions) {
        int[] documents = new int[positions.length];
        int document = -1;
        for (int t = 0; t < positions.length; t++) {
            document += positions[t] == 0 ? 1 : 0;
            documents[t] = document;
        }
        return documents;
    }
}
