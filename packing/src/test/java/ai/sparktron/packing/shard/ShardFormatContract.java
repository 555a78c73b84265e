package ai.sparktron.packing.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.bin.Packing;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What holds of every shard however it was written: it reads back, row by row, here and in stock Arrow. */
abstract class ShardFormatContract {

    @TempDir
    Path directory;

    abstract ShardEntry write(Path file, ShardMetadata metadata, List<PackedRowBuilder> rows) throws IOException;

    @Test
    void everyRowReadsBackInAnyOrder() throws IOException {
        List<PackedRowBuilder> rows = Rows.random(400, 6000, 1);
        Path file = directory.resolve("a.arrow");
        ShardEntry entry = write(file, Rows.metadata(), rows);
        assertEquals(Files.size(file), entry.bytes());
        assertEquals(Rows.counts(rows), entry.counts());
        try (ShardReader reader = ShardReader.open(file, ShardVerification.CHECKSUMS)) {
            assertEquals(Rows.metadata(), reader.metadata());
            assertEquals(entry.counts(), reader.counts());
            assertEquals(400, reader.rows());
            assertTrue(reader.recordBatches() >= 4, "the test should span record batches, has " + reader.recordBatches());
            for (int k = 0; k < 400; k++) {
                int row = (k * 237 + 11) % 400;
                assertEquals(rows.get(row).tokens(), reader.tokens(row));
                Rows.assertSame(rows.get(row).view(), reader.row(row), "row " + row);
            }
            assertThrows(IndexOutOfBoundsException.class, () -> reader.row(400));
            assertThrows(IndexOutOfBoundsException.class, () -> reader.row(-1));
        }
        new ShardManifest(Rows.metadata(), List.of(entry)).verify(directory);
    }

    @Test
    void severalMappingsReadLikeOne() throws IOException {
        List<PackedRowBuilder> rows = Rows.random(300, 9000, 2);
        Path file = directory.resolve("b.arrow");
        write(file, Rows.metadata(), rows);
        try (ShardReader reader = ShardReader.open(file, ShardVerification.CHECKSUMS, 5_000_000)) {
            for (int row = 299; row >= 0; row--) {
                Rows.assertSame(rows.get(row).view(), reader.row(row), "row " + row);
            }
        }
    }

    @Test
    void aShardWithoutRowsIsAShard() throws IOException {
        Path file = directory.resolve("none.arrow");
        ShardEntry entry = write(file, Rows.metadata(), List.of());
        assertEquals(ShardCounts.ZERO, entry.counts());
        try (ShardReader reader = ShardReader.open(file, ShardVerification.CHECKSUMS)) {
            assertEquals(0, reader.rows());
        }
        assertEquals(0, readWithArrow(file, List.of()));
    }

    @Test
    void aRowLongerThanABatchIsABatchOfItsOwn() throws IOException {
        ShardMetadata wide = ShardMetadata.of("t", "t", 10, 1 << 20, Packing.NONE, 0);
        int[] ids = new int[ShardWriter.BATCH_TOKENS + 3];
        ids[ids.length - 1] = 9;
        List<PackedRowBuilder> rows = List.of(new PackedRowBuilder().add(new int[] {1, 2}, new int[] {1, 2}, null),
                new PackedRowBuilder().add(ids, ids, null), new PackedRowBuilder().add(new int[] {3}, new int[] {3}, null));
        Path file = directory.resolve("long.arrow");
        write(file, wide, rows);
        try (ShardReader reader = ShardReader.open(file, ShardVerification.CHECKSUMS)) {
            assertEquals(3, reader.recordBatches());
            for (int row = 0; row < 3; row++) {
                Rows.assertSame(rows.get(row).view(), reader.row(row), "row " + row);
            }
        }
    }

    @Test
    void stockArrowReadsTheSame() throws IOException {
        List<PackedRowBuilder> rows = Rows.random(200, 6000, 3);
        Path file = directory.resolve("c.arrow");
        write(file, Rows.metadata(), rows);
        assertEquals(200, readWithArrow(file, rows));
    }

    private static int readWithArrow(Path file, List<PackedRowBuilder> rows) throws IOException {
        int read = 0;
        try (BufferAllocator allocator = new RootAllocator(); FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                ArrowFileReader reader = new ArrowFileReader(channel, allocator)) {
            Map<String, String> metadata = reader.getVectorSchemaRoot().getSchema().getCustomMetadata();
            assertEquals(Rows.metadata().toMap(), new LinkedHashMap<>(metadata));
            assertEquals(Long.toString(Rows.counts(rows).tokens()), reader.getMetaData().get("tokens"));
            while (reader.loadNextBatch()) {
                for (int k = 0; k < reader.getVectorSchemaRoot().getRowCount(); k++) {
                    TokenRow expected = rows.get(read).view();
                    assertColumn(expected, reader, k, read);
                    read++;
                }
            }
        }
        return read;
    }

    private static void assertColumn(TokenRow expected, ArrowFileReader reader, int k, int row) throws IOException {
        List<?> ids = ((ListVector) reader.getVectorSchemaRoot().getVector("ids")).getObject(k);
        List<?> labels = ((ListVector) reader.getVectorSchemaRoot().getVector("labels")).getObject(k);
        List<?> positions = ((ListVector) reader.getVectorSchemaRoot().getVector("positions")).getObject(k);
        List<?> weights = ((ListVector) reader.getVectorSchemaRoot().getVector("weights")).getObject(k);
        assertEquals(expected.tokens(), ids.size(), "row " + row);
        assertEquals(expected.weightsOrNull() == null, weights == null, "weights of row " + row);
        for (int t = 0; t < expected.tokens(); t++) {
            assertEquals(expected.ids().get(t), ids.get(t));
            assertEquals(expected.labels().get(t), labels.get(t));
            assertEquals(expected.positions().get(t), positions.get(t));
            if (weights != null) {
                assertEquals(expected.weightsOrNull().get(t), weights.get(t));
            }
        }
    }
}
