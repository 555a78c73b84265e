package ai.sparktron.packing.shard;

import ai.sparktron.packing.shard.ShardFooter.BatchPlace;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Rows of one local shard, mapped into memory. Opening reads the footer and nothing else; row k is found by a search over the record batches and two
 * offsets, so no other row is read. Neighbouring record batches share mappings of up to 1 GB, so a shard may have any size.
 *
 * <p>The file's size is checked against the footer before anything is mapped. Do not truncate or overwrite a shard that is open (a shard is only ever
 * replaced by renaming): the operating system would stop the process that reads it.
 *
 * <p>Any number of threads may read at the same time. Mappings go back to the system when the reader and all rows taken from it are garbage.
 */
public final class ShardReader implements AutoCloseable {

    private static final long MAPPING_BYTES = 1L << 30;

    private final String where;
    private final ShardFooter footer;
    private final ShardVerification verification;
    private final int[] firstRow;
    private final ByteBuffer[] batchBytes;
    private final AtomicReferenceArray<MappedBatch> batches;
    private volatile boolean closed;

    private ShardReader(String where, ShardFooter footer, ByteBuffer[] batchBytes, ShardVerification verification) {
        this.where = where;
        this.footer = footer;
        this.batchBytes = batchBytes;
        this.verification = verification;
        batches = new AtomicReferenceArray<>(batchBytes.length);
        firstRow = new int[batchBytes.length + 1];
        for (int batch = 0; batch < batchBytes.length; batch++) {
            firstRow[batch + 1] = firstRow[batch] + footer.batches().get(batch).rows();
        }
    }

    /**
     * Opens a shard.
     *
     * @throws ShardException when it is truncated, damaged, not a shard or of another version
     */
    public static ShardReader open(Path file, ShardVerification verification) throws IOException {
        return open(file, verification, MAPPING_BYTES);
    }

    static ShardReader open(Path file, ShardVerification verification, long mappingBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ShardFooter footer = ShardFooter.read(channel, file.toString());
            return new ShardReader(file.toString(), footer, map(channel, footer.batches(), mappingBytes), verification);
        } catch (NoSuchFileException e) {
            throw new ShardException(file + ": there is no such shard: the data set is incomplete; prepare it again", e);
        }
    }

    private static ByteBuffer[] map(FileChannel channel, List<BatchPlace> places, long mappingBytes) throws IOException {
        List<ByteBuffer> bytes = new ArrayList<>(places.size());
        while (bytes.size() < places.size()) {
            int from = bytes.size();
            long start = places.get(from).offset();
            int to = from + 1;
            while (to < places.size() && places.get(to).end() - start <= mappingBytes) {
                to++;
            }
            ByteBuffer mapping = channel.map(FileChannel.MapMode.READ_ONLY, start, places.get(to - 1).end() - start);
            for (BatchPlace place : places.subList(from, to)) {
                bytes.add(mapping.slice((int) (place.offset() - start), (int) (place.end() - place.offset())));
            }
        }
        return bytes.toArray(new ByteBuffer[0]);
    }

    /** What the shard says about itself. */
    public ShardMetadata metadata() {
        return footer.metadata();
    }

    /** What it holds. */
    public ShardCounts counts() {
        return footer.counts();
    }

    /** Number of rows. */
    public int rows() {
        return firstRow[firstRow.length - 1];
    }

    /** Number of record batches. */
    public int recordBatches() {
        return batchBytes.length;
    }

    /** Tokens of row {@code row}. */
    public int tokens(int row) {
        int batch = batchOf(row);
        return batch(batch).tokens(row - firstRow[batch]);
    }

    /**
     * Row {@code row} as views of the mapping.
     *
     * @throws ShardException when its record batch is damaged
     * @throws IndexOutOfBoundsException when there is no such row
     */
    public TokenRow row(int row) {
        int batch = batchOf(row);
        return batch(batch).row(row - firstRow[batch]);
    }

    /** Reads and checks every record batch, as {@link ShardVerification} says. */
    public void verify() {
        for (int batch = 0; batch < batchBytes.length; batch++) {
            batch(batch);
        }
    }

    private int batchOf(int row) {
        if (row < 0 || row >= rows()) {
            throw new IndexOutOfBoundsException(where + ": row " + row + " of " + rows());
        }
        int found = Arrays.binarySearch(firstRow, row);
        return found >= 0 ? found : -found - 2;
    }

    private MappedBatch batch(int index) {
        if (closed) {
            throw new IllegalStateException(where + " is closed");
        }
        MappedBatch batch = batches.get(index);
        if (batch == null) {
            batch = new MappedBatch(batchBytes[index], footer.batches().get(index), verification, where + ", record batch " + index);
            batches.set(index, batch);
        }
        return batch;
    }

    /** Forgets the mappings. */
    @Override
    public void close() {
        if (closed) {
            throw new IllegalStateException(where + " is closed already");
        }
        closed = true;
        Arrays.fill(batchBytes, null);
        for (int batch = 0; batch < batches.length(); batch++) {
            batches.set(batch, null);
        }
    }
}
