package ai.sparktron.packing.shard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Shards written to an output stream, as on a Hadoop file system. */
final class ShardStreamTest extends ShardFormatContract {

    @Override
    ShardEntry write(Path file, ShardMetadata metadata, List<PackedRowBuilder> rows) throws IOException {
        PackedRowBuilder reused = new PackedRowBuilder();
        try (ShardWriter writer = ShardWriter.to(Files.newOutputStream(file), file.getFileName().toString(), metadata)) {
            for (PackedRowBuilder row : rows) {
                writer.append(copyInto(reused, row));
            }
            return writer.finish();
        }
    }

    /** Rebuilds a row from its view: unshifts what the builder shifts, sample by sample. */
    private static PackedRowBuilder copyInto(PackedRowBuilder target, PackedRowBuilder row) {
        target.clear();
        TokenRow view = row.view();
        int start = 0;
        while (start < view.tokens()) {
            int end = start + 1;
            while (end < view.tokens() && view.positions().get(end) != 0) {
                end++;
            }
            int[] ids = new int[end - start];
            int[] labels = new int[end - start];
            float[] weights = view.weightsOrNull() == null ? null : new float[end - start];
            for (int t = start; t < end; t++) {
                ids[t - start] = view.ids().get(t);
                if (t + 1 < end) {
                    labels[t + 1 - start] = view.labels().get(t);
                    if (weights != null) {
                        weights[t + 1 - start] = view.weightsOrNull().get(t);
                    }
                }
            }
            target.add(ids, labels, weights);
            start = end;
        }
        return target;
    }

    @Test
    void aFullDiskIsNamedWithTheShard() throws IOException {
        OutputStream full = new OutputStream() {
            private long room = 100_000;

            @Override
            public void write(int oneByte) throws IOException {
                write(new byte[1], 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                room -= length;
                if (room < 0) {
                    throw new IOException("No space left on device");
                }
            }
        };
        List<PackedRowBuilder> rows = Rows.random(20, 6000, 9);
        try (ShardWriter writer = ShardWriter.to(full, "part-7.arrow", Rows.metadata())) {
            String message = assertThrows(IOException.class, () -> {
                for (PackedRowBuilder row : rows) {
                    writer.append(row);
                }
                writer.finish();
            }).getMessage();
            assertTrue(message.matches("shard part-7.arrow cannot be written past byte \\d+: No space left on device: .*"), message);
        }
    }

    @Test
    void theSameRowsAreTheSameBytes() throws IOException {
        List<PackedRowBuilder> rows = Rows.random(100, 6000, 9);
        write(directory.resolve("1"), Rows.metadata(), rows);
        write(directory.resolve("2"), Rows.metadata(), rows);
        assertArrayEquals(Files.readAllBytes(directory.resolve("1")), Files.readAllBytes(directory.resolve("2")));
    }
}
