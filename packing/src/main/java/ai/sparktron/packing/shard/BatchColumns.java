package ai.sparktron.packing.shard;

import ai.sparktron.packing.shard.ArrowEncoder.BufferSpan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Columns of the record batch being filled, as the bytes that will stand in the file: rows are copied in by bulk puts and go out without another copy.
 * Memory is native, grows to the largest batch and is used again for the next.
 */
final class BatchColumns {

    private static final ByteBuffer EMPTY = ByteBuffer.allocateDirect(0);

    private final ByteBuffer[] values = new ByteBuffer[ShardLayout.COLUMNS.length];
    private ByteBuffer offsets = allocate(4096);
    private ByteBuffer weightOffsets = allocate(4096);
    private ByteBuffer weightValidity = allocate(512);
    private int rows;
    private int rowsWithoutWeights;
    private int tokens;
    private int weightTokens;

    BatchColumns(int tokensExpected) {
        for (int column = 0; column < values.length; column++) {
            values[column] = column == ShardLayout.WEIGHTS ? EMPTY : allocate(4L * tokensExpected);
        }
        clear();
    }

    private static ByteBuffer allocate(long bytes) {
        return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }

    void clear() {
        rows = 0;
        rowsWithoutWeights = 0;
        tokens = 0;
        weightTokens = 0;
        offsets.putInt(0, 0);
        weightOffsets.putInt(0, 0);
    }

    int rows() {
        return rows;
    }

    int tokens() {
        return tokens;
    }

    void append(PackedRowBuilder row) {
        int length = row.tokens();
        put(ShardLayout.IDS, row.ids(), length);
        put(ShardLayout.LABELS, row.labels(), length);
        put(ShardLayout.POSITIONS, row.positions(), length);
        boolean weighted = row.weightsOrNull() != null;
        if (weighted) {
            values[ShardLayout.WEIGHTS] = room(values[ShardLayout.WEIGHTS], 4L * weightTokens, 4L * length);
            values[ShardLayout.WEIGHTS].position(4 * weightTokens).asFloatBuffer().put(row.weightsOrNull(), 0, length);
            weightTokens += length;
        } else {
            rowsWithoutWeights++;
        }
        markValid(weighted);
        tokens += length;
        rows++;
        offsets = room(offsets, 4L * rows, 4);
        offsets.putInt(4 * rows, tokens);
        weightOffsets = room(weightOffsets, 4L * rows, 4);
        weightOffsets.putInt(4 * rows, weightTokens);
    }

    private void put(int column, int[] source, int length) {
        values[column] = room(values[column], 4L * tokens, 4L * length);
        values[column].position(4 * tokens).asIntBuffer().put(source, 0, length);
    }

    private void markValid(boolean valid) {
        int at = rows >>> 3;
        weightValidity = room(weightValidity, at, 1);
        int before = (rows & 7) == 0 ? 0 : weightValidity.get(at);
        weightValidity.put(at, (byte) (before | (valid ? 1 << (rows & 7) : 0)));
    }

    private static ByteBuffer room(ByteBuffer buffer, long used, long more) {
        if (used + more <= buffer.capacity()) {
            return buffer;
        }
        ByteBuffer larger = allocate(Math.min(Integer.MAX_VALUE, Math.max(used + more, 2L * buffer.capacity())));
        larger.put(buffer.clear().limit((int) used));
        buffer.clear();
        return larger.clear();
    }

    /** The batch's buffers in Arrow's order, each from position 0 to its limit. */
    List<ByteBuffer> buffers() {
        List<ByteBuffer> buffers = new ArrayList<>(ShardLayout.COLUMNS.length * ShardLayout.BUFFERS_PER_COLUMN);
        for (int column = 0; column < values.length; column++) {
            boolean weights = column == ShardLayout.WEIGHTS;
            buffers.add(weights ? first(weightValidity, (rows + 7) / 8) : EMPTY.duplicate());
            buffers.add(first(weights ? weightOffsets : offsets, 4 * (rows + 1)));
            buffers.add(EMPTY.duplicate());
            buffers.add(first(values[column], 4 * (weights ? weightTokens : tokens)));
        }
        return buffers;
    }

    private static ByteBuffer first(ByteBuffer buffer, int bytes) {
        return buffer.duplicate().clear().limit(bytes);
    }

    /** Places of {@link #buffers()} within the body. */
    static List<BufferSpan> spans(List<ByteBuffer> buffers) {
        List<BufferSpan> spans = new ArrayList<>(buffers.size());
        long at = 0;
        for (ByteBuffer buffer : buffers) {
            spans.add(new BufferSpan(at, buffer.remaining()));
            at = ShardLayout.aligned(at + buffer.remaining(), ShardLayout.ALIGNMENT);
        }
        return spans;
    }

    ByteBuffer message(List<BufferSpan> spans, long bodyBytes) {
        long[] lengths = new long[2 * values.length];
        for (int column = 0; column < values.length; column++) {
            lengths[2 * column] = rows;
            lengths[2 * column + 1] = column == ShardLayout.WEIGHTS ? weightTokens : tokens;
        }
        return ArrowEncoder.batchMessage(rows, lengths, rowsWithoutWeights, spans, bodyBytes);
    }
}
