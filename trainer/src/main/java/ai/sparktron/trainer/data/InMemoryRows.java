package ai.sparktron.trainer.data;

import ai.sparktron.packing.shard.TokenRow;
import java.util.List;
import java.util.Objects;

/** Rows held in memory: for reference cases, small experiments and tests. Make them with {@link ai.sparktron.packing.shard.PackedRowBuilder#toRow}. */
public final class InMemoryRows implements RowSource {

    private final List<TokenRow> rows;

    /** @throws IllegalArgumentException when there are no rows or one is empty */
    public InMemoryRows(List<TokenRow> rows) {
        this.rows = List.copyOf(rows);
        if (this.rows.isEmpty()) {
            throw new IllegalArgumentException("a data set needs at least one row");
        }
        for (int row = 0; row < this.rows.size(); row++) {
            if (this.rows.get(row).tokens() == 0) {
                throw new IllegalArgumentException("row " + row + " has no tokens");
            }
        }
    }

    @Override
    public long rows() {
        return rows.size();
    }

    @Override
    public int rowCapacity() {
        return rows.stream().mapToInt(TokenRow::tokens).max().orElseThrow();
    }

    @Override
    public TokenRow row(long index) {
        return rows.get((int) Objects.checkIndex(index, rows.size()));
    }

    @Override
    public void close() {
        // Nothing is held but arrays.
    }
}
