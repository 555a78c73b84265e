package ai.sparktron.packing.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Shards written under a path. */
final class ShardFileTest extends ShardFormatContract {

    @Override
    ShardEntry write(Path file, ShardMetadata metadata, List<PackedRowBuilder> rows) throws IOException {
        try (ShardWriter writer = ShardWriter.create(file, metadata)) {
            for (PackedRowBuilder row : rows) {
                writer.append(row);
            }
            assertFalse(Files.exists(file), "the file must not be seen before it is whole");
            return writer.finish();
        }
    }

    @Test
    void anUnfinishedShardLeavesNothing() throws IOException {
        try (ShardWriter writer = ShardWriter.create(directory.resolve("x.arrow"), Rows.metadata())) {
            writer.append(Rows.random(1, 10, 0).get(0));
        }
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(0, files.count());
        }
    }

    @Test
    void whatDoesNotBelongInAShardIsRefusedByRow() throws IOException {
        try (ShardWriter writer = ShardWriter.create(directory.resolve("x.arrow"), Rows.metadata())) {
            writer.append(Rows.random(1, 10, 0).get(0));
            assertRefused(writer, new int[] {1, Rows.VOCABULARY}, new int[] {1, 1}, "row 1: id of token 1 is 50000, expected 0 to 49999");
            assertRefused(writer, new int[] {1, -1}, new int[] {1, 1}, "row 1: id of token 1 is -1");
            assertRefused(writer, new int[] {1, 1}, new int[] {1, -99}, "row 1: label of token 0 is -99");
            assertRefused(writer, new int[20_001], new int[20_001], "row 1 has 20001 tokens: expected 1 to 20000; raise max_length");
            String empty = assertThrows(IllegalArgumentException.class, () -> writer.append(new PackedRowBuilder())).getMessage();
            assertTrue(empty.contains("row 1 has 0 tokens"), empty);
            assertEquals(1, writer.finish().counts().rows());
        }
    }

    private static void assertRefused(ShardWriter writer, int[] ids, int[] labels, String part) {
        PackedRowBuilder row = new PackedRowBuilder().add(ids, labels, null);
        String message = assertThrows(IllegalArgumentException.class, () -> writer.append(row)).getMessage();
        assertTrue(message.contains(part), message);
    }
}
