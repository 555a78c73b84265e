package ai.sparktron.packing.shard;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.Block;
import org.apache.arrow.flatbuf.Endianness;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Type;

/**
 * A shard's footer, checked: marks, seal, checksum, columns, and that every record batch lies within the file.
 *
 * @param metadata what the shard says about itself
 * @param counts   what it holds
 * @param batches  its record batches, in order
 */
record ShardFooter(ShardMetadata metadata, ShardCounts counts, List<BatchPlace> batches) {

    /** Where a record batch is: its message, then at once its body. */
    record BatchPlace(long offset, int messageBytes, long bodyBytes, int rows, long crc32c) {
        long end() {
            return offset + messageBytes + bodyBytes;
        }
    }

    static ShardFooter read(FileChannel file, String where) throws IOException {
        long size = file.size();
        int least = ShardLayout.HEAD.length + ShardLayout.SEAL_BYTES + ShardLayout.TAIL_BYTES;
        if (size < least) {
            throw new ShardException(where + ": the file has " + size + " bytes, a shard at least " + least + ": it is truncated or not a shard");
        }
        requireMark(bytes(file, 0, ShardLayout.HEAD.length, where), ShardLayout.HEAD, "first", where);
        ByteBuffer tail = bytes(file, size - ShardLayout.TAIL_BYTES, ShardLayout.TAIL_BYTES, where);
        requireMark(tail.slice(4, ShardLayout.TAIL.length), ShardLayout.TAIL, "last", where);
        int footerBytes = tail.getInt(0);
        long footerStart = size - ShardLayout.TAIL_BYTES - footerBytes;
        if (footerBytes < 8 || footerStart < ShardLayout.HEAD.length + ShardLayout.SEAL_BYTES) {
            throw new ShardException(where + ": footer length is " + footerBytes + ", which does not fit a file of " + size + " bytes: it is damaged");
        }
        ByteBuffer seal = bytes(file, footerStart - ShardLayout.SEAL_BYTES, ShardLayout.SEAL_BYTES, where);
        ByteBuffer footer = bytes(file, footerStart, footerBytes, where);
        if (!seal.equals(ShardLayout.seal(footerBytes, (int) ShardLayout.crc(footer)))) {
            boolean sealed = seal.slice(0, ShardLayout.SEAL.length).equals(ByteBuffer.wrap(ShardLayout.SEAL));
            throw new ShardException(where + (sealed ? ": the footer's CRC32C does not match: the file is damaged; copy it or prepare it again"
                    : ": no seal before the footer: an Arrow file, but not a shard, or damaged"));
        }
        try {
            return parse(Footer.getRootAsFooter(footer), footerStart - ShardLayout.SEAL_BYTES, where);
        } catch (IndexOutOfBoundsException | IllegalArgumentException | ArithmeticException e) {
            throw new ShardException(where + ": the footer cannot be read: " + e.getMessage(), e);
        }
    }

    private static ByteBuffer bytes(FileChannel file, long position, int count, String where) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (file.read(bytes, position + bytes.position()) < 0) {
                throw new ShardException(where + ": the file ends at byte " + (position + bytes.position()) + " while it is being read: it is truncated");
            }
        }
        return bytes.flip();
    }

    private static void requireMark(ByteBuffer actual, byte[] expected, String which, String where) {
        if (!actual.equals(ByteBuffer.wrap(expected))) {
            throw new ShardException(where + ": the " + which + " bytes are " + hex(actual) + ", expected ARROW1: the file is truncated or not a shard");
        }
    }

    private static String hex(ByteBuffer bytes) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < bytes.limit(); i++) {
            text.append(String.format("%02x", bytes.get(i)));
        }
        return text.toString();
    }

    private static ShardFooter parse(Footer footer, long dataEnd, String where) {
        Schema schema = footer.schema();
        if (schema == null) {
            throw new ShardException(where + ": the footer has no schema");
        }
        Map<String, String> schemaMap = map(schema.customMetadataLength(), schema::customMetadata);
        ShardMetadata metadata = ShardMetadata.fromMap(schemaMap, where);
        requireColumns(schema, where);
        Map<String, String> map = map(footer.customMetadataLength(), footer::customMetadata);
        ShardCounts counts = new ShardCounts(number(map, ShardLayout.ROWS, where), number(map, ShardLayout.TOKENS, where),
                number(map, ShardLayout.TRAINED_TOKENS, where), number(map, ShardLayout.DOCUMENTS, where));
        String listed = text(map, ShardLayout.BATCHES, where);
        String[] entries = listed.isEmpty() ? new String[0] : listed.split(" ");
        if (entries.length != footer.recordBatchesLength()) {
            throw new ShardException(where + ": the footer lists " + footer.recordBatchesLength() + " record batches but checksums of " + entries.length);
        }
        return new ShardFooter(metadata, counts, places(footer, entries, counts.rows(), dataEnd, where));
    }

    private static List<BatchPlace> places(Footer footer, String[] entries, long expectedRows, long dataEnd, String where) {
        List<BatchPlace> places = new ArrayList<>(entries.length);
        long before = ShardLayout.HEAD.length;
        long rows = 0;
        for (int i = 0; i < entries.length; i++) {
            Block block = footer.recordBatches(i);
            int colon = entries[i].indexOf(':');
            BatchPlace place = new BatchPlace(block.offset(), block.metaDataLength(), block.bodyLength(), Integer.parseInt(entries[i], 0, colon, 10),
                    Long.parseLong(entries[i], colon + 1, entries[i].length(), 16));
            if (place.offset() < before || place.messageBytes() < ShardLayout.PREFIX_BYTES || place.bodyBytes() < 0 || place.rows() < 1
                    || place.end() > dataEnd || place.end() - place.offset() > Integer.MAX_VALUE) {
                throw new ShardException(where + ": record batch " + i + " is said to be at byte " + place.offset() + " with " + place.messageBytes()
                        + " + " + place.bodyBytes() + " bytes and " + place.rows() + " rows, which cannot be: the file is truncated or damaged");
            }
            before = place.end();
            rows += place.rows();
            places.add(place);
        }
        if (rows != expectedRows || rows > Integer.MAX_VALUE) {
            throw new ShardException(where + ": rows is " + expectedRows + ", but the record batches have " + rows);
        }
        return List.copyOf(places);
    }

    private static void requireColumns(Schema schema, String where) {
        if (schema.endianness() != Endianness.Little) {
            throw new ShardException(where + ": endianness is big, expected little: write it again on this project's own writer");
        }
        List<String> found = new ArrayList<>();
        for (int i = 0; i < schema.fieldsLength(); i++) {
            Field field = schema.fields(i);
            found.add(field.name() + " " + typeName(field));
        }
        List<String> expected = Arrays.asList("ids list<int32>", "labels list<int32>", "positions list<int32>", "weights list<float32>");
        if (!found.equals(expected)) {
            throw new ShardException(where + ": columns are " + found + ", expected " + expected);
        }
    }

    private static String typeName(Field field) {
        if (field.typeType() == Type.List && field.childrenLength() == 1) {
            return "list<" + typeName(field.children(0)) + ">";
        }
        if (field.typeType() == Type.Int && field.type(new Int()) instanceof Int type) {
            return (type.isSigned() ? "int" : "uint") + type.bitWidth();
        }
        if (field.typeType() == Type.FloatingPoint && field.type(new FloatingPoint()) instanceof FloatingPoint type) {
            return type.precision() == Precision.SINGLE ? "float32" : type.precision() == Precision.DOUBLE ? "float64" : "float16";
        }
        return Type.name(field.typeType());
    }

    /** Entry i of a list of key-value pairs. */
    private interface Entries {
        KeyValue get(int i);
    }

    private static Map<String, String> map(int length, Entries entries) {
        Map<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < length; i++) {
            KeyValue entry = entries.get(i);
            map.put(entry.key(), entry.value());
        }
        return map;
    }

    private static String text(Map<String, String> map, String field, String where) {
        String value = map.get(field);
        if (value == null) {
            throw new ShardException(where + ": footer field " + field + " is missing");
        }
        return value;
    }

    private static long number(Map<String, String> map, String field, String where) {
        String value = text(map, field, where);
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw new ShardException(where + ": footer field " + field + " is '" + value + "', expected a whole number", e);
        }
    }
}
