package ai.sparktron.pipeline.spark;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Rows on their way to one bucket, many in one byte array, so that the shuffle moves few large records: a byte for the kind of blob, then per
 * row its position, piece, line, fault and JSON. Numbers are in variable length.
 */
final class RowBlob {

    private static final byte ROWS = 0;
    private static final byte FIGURES = 1;

    private RowBlob() {
    }

    /**
     * A row of a blob.
     *
     * @param position within its set
     * @param piece    number of its piece in the run
     * @param line     line in its piece
     * @param fault    why it could not be read, or null
     * @param bytes    the blob
     * @param offset   where the row's JSON (or raw text) begins
     * @param length   its length
     */
    record Entry(long position, int piece, long line, String fault, byte[] bytes, int offset, int length) {
    }

    /** Grows a blob. */
    static final class Builder {
        private byte[] bytes = {ROWS, 0, 0, 0};
        private int size = 1;
        private int rows;

        void add(long position, int piece, RowCursor row) {
            byte[] fault = row.fault() == null ? new byte[0] : row.fault().getBytes(StandardCharsets.UTF_8);
            ensure(50 + fault.length + row.length());
            number(position);
            number(piece);
            number(row.line());
            number(fault.length);
            copy(fault, 0, fault.length);
            number(row.length());
            copy(row.buffer(), row.offset(), row.length());
            rows++;
        }

        private void ensure(int more) {
            if (size + more > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(Math.addExact(size, more), (int) Math.min(Integer.MAX_VALUE - 8L, 2L * bytes.length)));
            }
        }

        private void number(long value) {
            long rest = value;
            while ((rest & ~0x7FL) != 0) {
                bytes[size++] = (byte) (rest | 0x80);
                rest >>>= 7;
            }
            bytes[size++] = (byte) rest;
        }

        private void copy(byte[] source, int offset, int length) {
            System.arraycopy(source, offset, bytes, size, length);
            size += length;
        }

        int size() {
            return size;
        }

        int rows() {
            return rows;
        }

        byte[] toBytes() {
            return Arrays.copyOf(bytes, size);
        }
    }

    /**
     * What a reading task measured; travels with the rows because a shuffle's map side returns nothing else.
     *
     * @param nanos time of the reading task, what the shuffle did with its rows included
     * @param bytes JSON bytes read
     */
    record Figures(long nanos, long bytes) {
        byte[] toBytes() {
            return ByteBuffer.allocate(17).put(FIGURES).putLong(nanos).putLong(bytes).array();
        }
    }

    /** Gives the rows of a blob, or its figures. */
    static void read(byte[] blob, Consumer<Entry> consumer, Consumer<Figures> figures) {
        if (blob[0] == FIGURES) {
            ByteBuffer buffer = ByteBuffer.wrap(blob, 1, 16);
            figures.accept(new Figures(buffer.getLong(), buffer.getLong()));
            return;
        }
        Reader reader = new Reader(blob);
        reader.at = 1;
        while (reader.at < blob.length) {
            long position = reader.number();
            int piece = (int) reader.number();
            long line = reader.number();
            int faultLength = (int) reader.number();
            String fault = faultLength == 0 ? null : new String(blob, reader.at, faultLength, StandardCharsets.UTF_8);
            reader.at += faultLength;
            int length = (int) reader.number();
            consumer.accept(new Entry(position, piece, line, fault, blob, reader.at, length));
            reader.at += length;
        }
    }

    private static final class Reader {
        private final byte[] bytes;
        private int at;

        Reader(byte[] bytes) {
            this.bytes = bytes;
        }

        long number() {
            long value = 0;
            int shift = 0;
            while (true) {
                byte part = bytes[at++];
                value |= (part & 0x7FL) << shift;
                if (part >= 0) {
                    return value;
                }
                shift += 7;
            }
        }
    }
}
