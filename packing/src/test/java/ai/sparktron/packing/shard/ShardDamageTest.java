package ai.sparktron.packing.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Whatever happens to the bytes of a shard: an error that names the file, or the right tokens; never others, never a crash. */
final class ShardDamageTest {

    @TempDir
    Path directory;

    private final List<PackedRowBuilder> rows = Rows.random(120, 200, 4);
    private byte[] good;

    @BeforeEach
    void writeShard() throws IOException {
        Path file = directory.resolve("good.arrow");
        try (ShardWriter writer = ShardWriter.create(file, Rows.metadata())) {
            for (PackedRowBuilder row : rows) {
                writer.append(row);
            }
            writer.finish();
        }
        good = Files.readAllBytes(file);
    }

    @Test
    void aFlippedBitIsAnErrorOrHarmless() throws IOException {
        Random random = new Random(20);
        int refused = 0;
        // Data, and every bit of the last 600 bytes and of the first 100, where the marks and the footer are.
        List<Long> bits = new ArrayList<>();
        for (int i = 0; i < 1500; i++) {
            bits.add((long) (random.nextDouble() * good.length * 8));
        }
        for (long bit = 0; bit < 800; bit++) {
            bits.add(bit);
        }
        for (long bit = good.length * 8L - 4800; bit < good.length * 8L; bit++) {
            bits.add(bit);
        }
        for (long bit : bits) {
            byte[] bytes = good.clone();
            bytes[(int) (bit >>> 3)] ^= (byte) (1 << (bit & 7));
            refused += readsRightOrIsRefused(bytes, "bit " + bit) ? 0 : 1;
        }
        assertTrue(refused > bits.size() / 2, "only " + refused + " of " + bits.size() + " flips were noticed");
    }

    @Test
    void withoutChecksumsDamageStillStaysWithinBounds() throws IOException {
        Random random = new Random(21);
        for (int trial = 0; trial < 2000; trial++) {
            byte[] bytes = good.clone();
            for (int flips = 0; flips < 1 + trial % 5; flips++) {
                // The first record batch's message and offsets are where damage could lead out of the mapping.
                bytes[800 + random.nextInt(3000)] ^= (byte) (1 << random.nextInt(8));
            }
            Path file = write(bytes);
            try (ShardReader reader = ShardReader.open(file, ShardVerification.STRUCTURE)) {
                for (int row = 0; row < reader.rows(); row++) {
                    reader.row(row).ids().hashCode();
                }
            } catch (ShardException e) {
                assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
            }
        }
    }

    @Test
    void aFileCutAnywhereIsRefusedBeforeItIsMapped() throws IOException {
        Random random = new Random(22);
        for (int trial = 0; trial < 400; trial++) {
            int length = trial < 100 ? trial : trial < 200 ? good.length - 1 - (trial - 100) : random.nextInt(good.length);
            Path file = write(Arrays.copyOf(good, length));
            String message = assertThrows(ShardException.class, () -> ShardReader.open(file, ShardVerification.STRUCTURE)).getMessage();
            assertTrue(message.startsWith(file.toString()), message);
        }
    }

    @Test
    void aPieceMissingInTheMiddleIsRefused() throws IOException {
        byte[] bytes = new byte[good.length - 4096];
        System.arraycopy(good, 0, bytes, 0, 8192);
        System.arraycopy(good, 8192 + 4096, bytes, 8192, bytes.length - 8192);
        assertTrue(!readsRightOrIsRefused(bytes, "missing piece"));
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        assertRefused("ids,labels\n1,2\n3,4\n and so on until it is long enough\n".getBytes(), "expected ARROW1");
        assertRefused(new byte[0], "has 0 bytes");
        Path file = directory.resolve("stock.arrow");
        Schema schema = new Schema(List.of(Field.nullable("x", new ArrowType.Int(32, true))), Map.of("format", "other"));
        try (BufferAllocator allocator = new RootAllocator(); VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
                FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                ArrowFileWriter writer = new ArrowFileWriter(root, null, channel)) {
            writer.start();
            writer.end();
        }
        assertRefused(Files.readAllBytes(file), "an Arrow file, but not a shard");
        String missing = assertThrows(ShardException.class, () -> ShardReader.open(directory.resolve("no"), ShardVerification.CHECKSUMS)).getMessage();
        assertTrue(missing.contains("there is no such shard"), missing);
    }

    @Test
    void otherVersionsAndTokenizersAreNamed() {
        Map<String, String> map = Rows.metadata().toMap();
        map.put("version", "2");
        assertMessage("f: version is 2, this build reads version 1", () -> ShardMetadata.fromMap(map, "f"));
        map.put("version", "1");
        map.put("packing", "magic");
        assertMessage("f: no packing is called 'magic'", () -> ShardMetadata.fromMap(map, "f"));
        map.remove("packing");
        assertMessage("f: metadata field packing is missing", () -> ShardMetadata.fromMap(map, "f"));
        assertMessage("f: tokenizerFingerprint is tok-1, but the tokenizer of this run is tok-2",
                () -> Rows.metadata().requireTokenizer("tok-2", "f"));
        assertMessage("f: vocabularySize is 50000, but the model's vocabulary has 49999 entries",
                () -> Rows.metadata().requireVocabulary(49_999, "f"));
        Rows.metadata().requireTokenizer("tok-1", "f");
        Rows.metadata().requireVocabulary(50_000, "f");
    }

    private static void assertMessage(String start, Executable action) {
        String message = assertThrows(ShardException.class, action).getMessage();
        assertTrue(message.startsWith(start), message);
    }

    private void assertRefused(byte[] bytes, String part) throws IOException {
        Path file = write(bytes);
        String message = assertThrows(ShardException.class, () -> ShardReader.open(file, ShardVerification.CHECKSUMS)).getMessage();
        assertTrue(message.startsWith(file.toString()) && message.contains(part), message);
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(Files.createTempFile(directory, "damaged", ".arrow"), bytes);
    }

    /** True when everything reads as it was written, false when the damage was noticed; anything else fails. */
    private boolean readsRightOrIsRefused(byte[] bytes, String what) throws IOException {
        Path file = write(bytes);
        try (ShardReader reader = ShardReader.open(file, ShardVerification.CHECKSUMS)) {
            assertEquals(Rows.metadata(), reader.metadata(), what);
            assertEquals(rows.size(), reader.rows(), what);
            assertEquals(Rows.counts(rows), reader.counts(), what);
            for (int row = 0; row < rows.size(); row++) {
                Rows.assertSame(rows.get(row).view(), reader.row(row), what);
            }
            return true;
        } catch (ShardException e) {
            assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
            return false;
        } finally {
            Files.delete(file);
        }
    }
}
