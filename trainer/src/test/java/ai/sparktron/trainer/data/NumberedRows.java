package ai.sparktron.trainer.data;

import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.TokenRow;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rows that can be told apart: row r holds documents of id r + 1 only, of one to three tokens each, so that 0 is left for padding. */
final class NumberedRows {

    private NumberedRows() {
    }

    static InMemoryRows of(int count) {
        List<TokenRow> rows = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            rows.add(builder(row).toRow());
        }
        return new InMemoryRows(rows);
    }

    static PackedRowBuilder builder(int row) {
        PackedRowBuilder builder = new PackedRowBuilder();
        for (int document = 0; document <= row % 3; document++) {
            int[] ids = new int[1 + (row + document) % 3];
            Arrays.fill(ids, row + 1);
            builder.add(ids, ids, null);
        }
        return builder;
    }

    /** Rows of a micro-batch, in order of first appearance. */
    static List<Integer> rowsIn(MicroBatch batch) {
        List<Integer> rows = new ArrayList<>();
        for (int id : batch.ids()) {
            if (id > 0 && !rows.contains(id - 1)) {
                rows.add(id - 1);
            }
        }
        return rows;
    }
}
