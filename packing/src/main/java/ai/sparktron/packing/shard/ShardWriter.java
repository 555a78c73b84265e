package ai.sparktron.packing.shard;

import ai.sparktron.packing.shard.ArrowEncoder.BufferSpan;
import ai.sparktron.packing.shard.ArrowEncoder.WrittenBatch;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Writes one shard: {@link #append} rows, then {@link #finish}. Output only ever moves forward, so any stream will do. Closing without
 * {@code finish} leaves nothing behind when writing a local file; for a stream the caller removes what it opened.
 *
 * <p>Rows are collected into record batches of about {@link #BATCH_TOKENS} tokens (three columns of 4 bytes a token in native memory). One thread.
 */
public final class ShardWriter implements AutoCloseable {

    /** A batch is closed before the row that would take it past this many tokens: 3 MB, read and checked as one. */
    public static final int BATCH_TOKENS = 1 << 18;

    /** Longest row: four columns of it still fit the 2 GB that one mapping can hold. */
    public static final int MOST_ROW_TOKENS = 1 << 26;

    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(ShardLayout.ALIGNMENT).asReadOnlyBuffer();

    private final String name;
    private final ShardMetadata metadata;
    private final WritableByteChannel channel;
    private final AtomicFile fileOrNull;
    private final BatchColumns columns = new BatchColumns(1 << 14);
    private final List<WrittenBatch> batches = new ArrayList<>();
    private final CRC32C fileCrc = new CRC32C();
    private ShardCounts counts = ShardCounts.ZERO;
    private long batchTrainedTokens;
    private long batchDocuments;
    private long position;
    private boolean finished;

    private ShardWriter(String name, ShardMetadata metadata, WritableByteChannel channel, AtomicFile fileOrNull) throws IOException {
        this.name = name;
        this.metadata = metadata;
        this.channel = channel;
        this.fileOrNull = fileOrNull;
        write(ByteBuffer.wrap(ShardLayout.HEAD), null);
        writeMessage(ArrowEncoder.schemaMessage(metadata.toMap()), 8, null);
    }

    /** Writes {@code file}, which appears whole when {@link #finish} returns: other name, sync, rename. Makes missing directories. */
    public static ShardWriter create(Path file, ShardMetadata metadata) throws IOException {
        AtomicFile atomic = new AtomicFile(file);
        try {
            return new ShardWriter(file.getFileName().toString(), metadata, atomic.channel(), atomic);
        } catch (IOException | RuntimeException e) {
            atomic.close();
            throw e;
        }
    }

    /**
     * Writes to a stream, which is closed by {@link #finish} and {@link #close}; syncing and renaming are the caller's.
     *
     * @param name file name for the manifest and for messages
     */
    public static ShardWriter to(WritableByteChannel channel, String name, ShardMetadata metadata) throws IOException {
        return new ShardWriter(name, metadata, channel, null);
    }

    /** As {@link #to(WritableByteChannel, String, ShardMetadata)}; for the streams of Hadoop file systems. */
    public static ShardWriter to(OutputStream stream, String name, ShardMetadata metadata) throws IOException {
        return to(Channels.newChannel(stream), name, metadata);
    }

    /**
     * Appends the builder's row; the builder may be cleared at once.
     *
     * @throws IllegalArgumentException when the row is empty, longer than the metadata's capacity, or holds an id outside of the vocabulary
     */
    public void append(PackedRowBuilder row) throws IOException {
        requireOpen();
        check(row);
        if (columns.rows() > 0 && columns.tokens() + (long) row.tokens() > BATCH_TOKENS) {
            flush();
        }
        columns.append(row);
        batchTrainedTokens += row.trainedTokens();
        batchDocuments += row.documents();
    }

    private void check(PackedRowBuilder row) {
        int tokens = row.tokens();
        long index = counts.rows() + columns.rows();
        int most = Math.min(metadata.rowCapacity(), MOST_ROW_TOKENS);
        if (tokens < 1 || tokens > most) {
            throw new IllegalArgumentException("shard " + name + ", row " + index + " has " + tokens + " tokens: expected 1 to " + most
                    + (tokens > most ? "; raise max_length, or truncate or delete longer samples" : ""));
        }
        int[] ids = row.ids();
        int[] labels = row.labels();
        for (int t = 0; t < tokens; t++) {
            if (outside(ids[t])) {
                throw new IllegalArgumentException("shard " + name + ", row " + index + ": id of token " + t + " is " + ids[t] + ", expected 0 to "
                        + (metadata.vocabularySize() - 1) + "; the tokenizer gives ids that its vocabulary size does not cover");
            }
            if (labels[t] != PackedRowBuilder.IGNORED && outside(labels[t])) {
                throw new IllegalArgumentException("shard " + name + ", row " + index + ": label of token " + t + " is " + labels[t]
                        + ", expected -100 or 0 to " + (metadata.vocabularySize() - 1));
            }
        }
    }

    private boolean outside(int id) {
        return id < 0 || id >= metadata.vocabularySize();
    }

    private void flush() throws IOException {
        if (columns.rows() == 0) {
            return;
        }
        List<ByteBuffer> buffers = columns.buffers();
        List<BufferSpan> spans = BatchColumns.spans(buffers);
        BufferSpan last = spans.get(spans.size() - 1);
        long bodyBytes = ShardLayout.aligned(last.offset() + last.bytes(), ShardLayout.ALIGNMENT);
        CRC32C crc = new CRC32C();
        long start = position;
        int messageBytes = writeMessage(columns.message(spans, bodyBytes), ShardLayout.ALIGNMENT, crc);
        for (ByteBuffer buffer : buffers) {
            write(buffer, crc);
            pad(ShardLayout.ALIGNMENT, crc);
        }
        batches.add(new WrittenBatch(start, messageBytes, bodyBytes, columns.rows(), crc.getValue()));
        counts = counts.plus(new ShardCounts(columns.rows(), columns.tokens(), batchTrainedTokens, batchDocuments));
        columns.clear();
        batchTrainedTokens = 0;
        batchDocuments = 0;
    }

    /**
     * Writes what is left and the footer, and puts the file in place.
     *
     * @return what the manifest says of this shard
     */
    public ShardEntry finish() throws IOException {
        requireOpen();
        flush();
        ByteBuffer end = ByteBuffer.allocate(ShardLayout.END_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        write(end.putInt(ShardLayout.CONTINUATION).putInt(0).flip(), null);
        pad(8, null);
        ByteBuffer footer = ArrowEncoder.footer(metadata.toMap(), footerMetadata(), batches);
        int footerBytes = footer.remaining();
        write(ShardLayout.seal(footerBytes, (int) ShardLayout.crc(footer)), null);
        write(footer, null);
        ByteBuffer tail = ByteBuffer.allocate(ShardLayout.TAIL_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        write(tail.putInt(footerBytes).put(ShardLayout.TAIL).flip(), null);
        if (fileOrNull != null) {
            fileOrNull.commit();
        }
        finished = true;
        channel.close();
        return new ShardEntry(name, position, fileCrc.getValue(), counts);
    }

    private Map<String, String> footerMetadata() {
        Map<String, String> map = new LinkedHashMap<>();
        map.put(ShardLayout.ROWS, Long.toString(counts.rows()));
        map.put(ShardLayout.TOKENS, Long.toString(counts.tokens()));
        map.put(ShardLayout.TRAINED_TOKENS, Long.toString(counts.trainedTokens()));
        map.put(ShardLayout.DOCUMENTS, Long.toString(counts.documents()));
        StringBuilder text = new StringBuilder();
        for (WrittenBatch batch : batches) {
            text.append(text.length() == 0 ? "" : " ").append(batch.rows()).append(':').append(Long.toHexString(batch.crc32c()));
        }
        map.put(ShardLayout.BATCHES, text.toString());
        return map;
    }

    /** Rows, tokens and documents appended so far. */
    public ShardCounts counts() {
        return columns.rows() == 0 ? counts
                : counts.plus(new ShardCounts(columns.rows(), columns.tokens(), batchTrainedTokens, batchDocuments));
    }

    private int writeMessage(ByteBuffer message, int bodyAlignment, CRC32C crc) throws IOException {
        long start = position;
        long end = ShardLayout.aligned(start + ShardLayout.PREFIX_BYTES + message.remaining(), bodyAlignment);
        int length = Math.toIntExact(end - start - ShardLayout.PREFIX_BYTES);
        ByteBuffer prefix = ByteBuffer.allocate(ShardLayout.PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        write(prefix.putInt(ShardLayout.CONTINUATION).putInt(length).flip(), crc);
        write(message, crc);
        pad(bodyAlignment, crc);
        return ShardLayout.PREFIX_BYTES + length;
    }

    private void pad(int alignment, CRC32C crc) throws IOException {
        int bytes = (int) (ShardLayout.aligned(position, alignment) - position);
        write(ZEROS.duplicate().limit(bytes), crc);
    }

    private void write(ByteBuffer bytes, CRC32C crc) throws IOException {
        position += bytes.remaining();
        fileCrc.update(bytes.duplicate());
        if (crc != null) {
            crc.update(bytes.duplicate());
        }
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw new IOException("shard " + name + " cannot be written past byte " + (position - bytes.remaining()) + ": " + e.getMessage()
                    + ": look at the space left and the permissions where it is written", e);
        }
    }

    private void requireOpen() {
        if (finished) {
            throw new IllegalStateException("shard " + name + " is finished");
        }
    }

    /** Closes the output; a local file that is not finished disappears. */
    @Override
    public void close() throws IOException {
        if (finished) {
            return;
        }
        finished = true;
        if (fileOrNull != null) {
            fileOrNull.close();
        } else {
            channel.close();
        }
    }
}
