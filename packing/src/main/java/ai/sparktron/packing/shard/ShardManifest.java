package ai.sparktron.packing.shard;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * The shards of a data set, in order, and what they share. Written last: a directory without {@link #FILE} is not a data set. The order of the
 * shards is part of the data (row numbers run through them), so whoever writes it lists them by content, for example by partition number, never by
 * the time at which tasks ended.
 *
 * @param metadata what all shards say about themselves
 * @param shards   the shards; row 0 of the data set is row 0 of the first
 */
public record ShardManifest(ShardMetadata metadata, List<ShardEntry> shards) {

    /** Name of the file within a directory of shards. */
    public static final String FILE = "manifest.json";

    /** Name of the format, first field of the file. */
    public static final String FORMAT = "sparktron.shard.manifest";

    /** Version written and read. */
    public static final int VERSION = 1;

    public ShardManifest {
        shards = List.copyOf(shards);
        Set<String> names = new HashSet<>();
        for (ShardEntry shard : shards) {
            if (!names.add(shard.file())) {
                throw new IllegalArgumentException("shard " + shard.file() + " is listed twice");
            }
        }
    }

    /** All shards together. */
    public ShardCounts counts() {
        ShardCounts sum = ShardCounts.ZERO;
        for (ShardEntry shard : shards) {
            sum = sum.plus(shard.counts());
        }
        return sum;
    }

    /** Part of the rows' room that holds tokens, 0 to 1. */
    public double fill() {
        ShardCounts counts = counts();
        return counts.rows() == 0 ? 1 : (double) counts.tokens() / ((double) counts.rows() * metadata.rowCapacity());
    }

    /** The file's content. */
    public byte[] toJson() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode();
        root.put("format", FORMAT);
        root.put("version", VERSION);
        ObjectNode fields = root.putObject("metadata");
        metadata.toMap().forEach(fields::put);
        putCounts(root.putObject("totals"), counts());
        ArrayNode list = root.putArray("shards");
        for (ShardEntry shard : shards) {
            ObjectNode entry = list.addObject();
            entry.put("file", shard.file());
            entry.put("bytes", shard.bytes());
            entry.put("crc32c", hex(shard.crc32c()));
            putCounts(entry, shard.counts());
        }
        return mapper.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    }

    private static void putCounts(ObjectNode node, ShardCounts counts) {
        node.put("rows", counts.rows());
        node.put("tokens", counts.tokens());
        node.put("trainedTokens", counts.trainedTokens());
        node.put("documents", counts.documents());
    }

    static String hex(long crc32c) {
        return String.format("%08x", crc32c);
    }

    /** Writes {@link #FILE} into a local directory: other name, sync, rename. Call it when all shards are in place. */
    public void write(Path directory) throws IOException {
        try (AtomicFile file = new AtomicFile(directory.resolve(FILE))) {
            ByteBuffer bytes = ByteBuffer.wrap(toJson());
            while (bytes.hasRemaining()) {
                file.channel().write(bytes);
            }
            file.commit();
        }
    }

    /**
     * Reads the manifest of a local directory.
     *
     * @throws ShardException when there is none, or it is damaged; names file and field
     */
    public static ShardManifest read(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        try {
            return parse(Files.readAllBytes(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new ShardException(file + ": there is no manifest, so " + directory + " is not a data set, or its preparation did not end: "
                    + "run prepare again, or give the directory that prepare printed", e);
        }
    }

    /**
     * Reads a manifest's content.
     *
     * @param where the file, for messages
     * @throws ShardException when it is not one, or damaged
     */
    public static ShardManifest parse(byte[] json, String where) {
        return ManifestParser.parse(json, where);
    }

    /**
     * Reads every shard of a local directory whole and compares size, checksum, counts and metadata.
     *
     * @throws ShardException naming the first file and field that differ
     */
    public void verify(Path directory) throws IOException {
        for (ShardEntry shard : shards) {
            Path file = directory.resolve(shard.file());
            if (!Files.exists(file)) {
                throw new ShardException(file + ": " + FILE + " lists it, but it is not there: the data set is incomplete; prepare it again");
            }
            requireEqual(file, "bytes", shard.bytes(), Files.size(file));
            requireEqual(file, "crc32c", hex(shard.crc32c()), hex(crc32c(file)));
            try (ShardReader reader = ShardReader.open(file, ShardVerification.CHECKSUMS)) {
                requireSame(shard, reader, file.toString());
                reader.verify();
            }
        }
    }

    /**
     * An open shard is the one the manifest speaks of.
     *
     * @throws ShardException naming the field that differs
     */
    public void requireSame(ShardEntry shard, ShardReader reader, String where) {
        requireEqual(where, "metadata", metadata.toMap(), reader.metadata().toMap());
        requireEqual(where, "counts", shard.counts(), reader.counts());
    }

    private static void requireEqual(Object where, String field, Object expected, Object actual) {
        if (!expected.equals(actual)) {
            throw new ShardException(where + ": " + field + " is " + actual + ", but " + FILE + " says " + expected
                    + ": the shard was replaced or damaged; prepare the data set again");
        }
    }

    private static long crc32c(Path file) throws IOException {
        CRC32C crc = new CRC32C();
        ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (channel.read(buffer.clear()) >= 0) {
                crc.update(buffer.flip());
            }
        }
        return crc.getValue();
    }
}
