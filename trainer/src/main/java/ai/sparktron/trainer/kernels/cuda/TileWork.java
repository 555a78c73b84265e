package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.TokenLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Which tokens of the other side each block of attention meets: found on the host from the documents, so that blocks go past other documents without looking.
 * The longest come first, lest one of them runs alone at the end. Kept until other layouts come: layers follow each other with the same ones.
 */
final class TileWork implements AutoCloseable {

    /** Whose rows the blocks have. */
    enum Side {
        QUERIES, KEYS
    }

    private static final int INTEGERS = 4;
    private static final int INDEX_BITS = 32;

    private final DeviceMemory memory;
    private final Staging staging;
    private final Side side;
    private TokenLayout queries;
    private TokenLayout keys;
    private int rows;
    private int blocks;
    private int longest;
    private DeviceBlock block;

    TileWork(DeviceMemory memory, Staging staging, Side side) {
        this.memory = memory;
        this.staging = staging;
        this.side = side;
    }

    /** The work of layouts in blocks of so many rows. */
    TileWork of(TokenLayout queryLayout, TokenLayout keyLayout, int blockRows) {
        if (queryLayout != queries || keyLayout != keys || blockRows != rows) {
            queries = queryLayout;
            keys = keyLayout;
            rows = blockRows;
            find();
        }
        return this;
    }

    private void find() {
        int tokens = side == Side.QUERIES ? queries.tokens() : keys.tokens();
        blocks = (tokens + rows - 1) / rows;
        longest = 0;
        int[] from = new int[blocks];
        int[] end = new int[blocks];
        long[] order = new long[blocks];
        for (int b = 0; b < blocks; b++) {
            int first = b * rows;
            int last = Math.min(first + rows, tokens) - 1;
            from[b] = side == Side.QUERIES ? firstKey(first) : firstQuery(first);
            end[b] = Math.max(from[b], side == Side.QUERIES ? endOfKeys(last) : endOfQueries(last));
            longest = Math.max(longest, end[b] - from[b]);
            order[b] = (long) (from[b] - end[b]) << INDEX_BITS | b;
        }
        Arrays.sort(order);
        ByteBuffer entries = ByteBuffer.allocate(Math.max(1, blocks) * INTEGERS * Integer.BYTES).order(ByteOrder.nativeOrder());
        for (long entry : order) {
            int b = (int) entry;
            entries.putInt(b * rows).putInt(from[b]).putInt(end[b]).putInt(0);
        }
        if (block == null || block.sizeBytes() < entries.capacity()) {
            close();
            block = memory.allocate(entries.capacity() * 2L, "attention's work");
        }
        staging.write(block.address(), entries.flip());
    }

    private int firstKey(int query) {
        return lowerBound(keys, queries.hostDocuments()[query], Integer.MIN_VALUE);
    }

    /** Past the last key that the query sees: in documents before its own there may be keys that other queries of the block see. */
    private int endOfKeys(int query) {
        int position = queries.hostPositions()[query];
        return lowerBound(keys, queries.hostDocuments()[query], position + 1L);
    }

    private int firstQuery(int key) {
        return lowerBound(queries, keys.hostDocuments()[key], keys.hostPositions()[key]);
    }

    private int endOfQueries(int key) {
        return lowerBound(queries, keys.hostDocuments()[key] + 1L, Integer.MIN_VALUE);
    }

    /** The first token at or after a position of a document. */
    private static int lowerBound(TokenLayout layout, long document, long position) {
        int low = 0;
        int high = layout.tokens();
        while (low < high) {
            int middle = (low + high) >>> 1;
            int there = layout.hostDocuments()[middle];
            if (there < document || there == document && layout.hostPositions()[middle] < position) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Address of first row, first other, end of others and 0 of each block, 32 bits each. */
    long address() {
        return block.address();
    }

    int blocks() {
        return blocks;
    }

    /** Most tokens of the other side that a block meets. */
    int longest() {
        return longest;
    }

    @Override
    public void close() {
        if (block != null) {
            block.close();
            block = null;
        }
    }
}
