package ai.sparktron.packing.shard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

final class ShardManifestTest {

    @TempDir
    Path directory;

    private ShardManifest dataSet(int shards) throws IOException {
        List<ShardEntry> entries = new ArrayList<>();
        for (int shard = 0; shard < shards; shard++) {
            try (ShardWriter writer = ShardWriter.create(directory.resolve("part-" + shard + ".arrow"), Rows.metadata())) {
                for (PackedRowBuilder row : Rows.random(10, 100, shard)) {
                    writer.append(row);
                }
                entries.add(writer.finish());
            }
        }
        ShardManifest manifest = new ShardManifest(Rows.metadata(), entries);
        manifest.write(directory);
        return manifest;
    }

    @Test
    void readsBackAndVerifies() throws IOException {
        ShardManifest written = dataSet(3);
        ShardManifest read = ShardManifest.read(directory);
        assertEquals(written, read);
        assertEquals(30, read.counts().rows());
        assertEquals((double) read.counts().tokens() / 30 / Rows.CAPACITY, read.fill(), 1e-12);
        read.verify(directory);
    }

    @Test
    void damageIsFoundByFileAndField() throws IOException {
        ShardManifest manifest = dataSet(3);
        Path second = directory.resolve("part-1.arrow");
        byte[] good = Files.readAllBytes(second);

        byte[] flipped = good.clone();
        flipped[good.length / 2] ^= 4;
        Files.write(second, flipped);
        assertMessage(second + ": crc32c is ", () -> manifest.verify(directory));

        Files.write(second, Arrays.copyOf(good, good.length - 1));
        assertMessage(second + ": bytes is " + (good.length - 1), () -> manifest.verify(directory));

        Files.delete(second);
        assertMessage(second + ": manifest.json lists it, but it is not there", () -> manifest.verify(directory));

        Files.delete(directory.resolve(ShardManifest.FILE));
        assertMessage(directory.resolve(ShardManifest.FILE) + ": there is no manifest", () -> ShardManifest.read(directory));
    }

    @Test
    void aShardOfAnotherDataSetIsNoticed() throws IOException {
        ShardManifest manifest = dataSet(1);
        ShardManifest other = new ShardManifest(Rows.metadata().withNote("data set", "other"), manifest.shards());
        Path file = directory.resolve("part-0.arrow");
        try (ShardReader reader = ShardReader.open(file, ShardVerification.CHECKSUMS)) {
            assertMessage("f: metadata is ", () -> other.requireSame(manifest.shards().get(0), reader, "f"));
            manifest.requireSame(manifest.shards().get(0), reader, "f");
        }
    }

    @Test
    void fieldsThatAreWrongAreNamed() throws IOException {
        String json = new String(dataSet(2).toJson(), UTF_8);
        assertBroken(json.replace("sparktron.shard.manifest", "x"), "f: format is 'x', expected 'sparktron.shard.manifest'");
        assertBroken(json.replaceFirst("\"version\" : 1,", "\"version\" : 9,"), "f: version is 9");
        assertBroken(json.replaceFirst("\"crc32c\" : \"[0-9a-f]+\"", "\"crc32c\" : \"xyz\""), "f: shards[0].crc32c is 'xyz'");
        assertBroken(json.replaceFirst("\"file\" : \"part-0.arrow\"", "\"file\" : \"../a\""), "f: shards[0]: shard file is '../a'");
        assertBroken(json.replaceFirst("\"file\" : \"part-0.arrow\"", "\"file\" : \"part-1.arrow\""), "f: shard part-1.arrow is listed twice");
        assertBroken(json.replaceFirst("\"bytes\" : \\d+", "\"bytes\" : \"many\""), "f: shards[0].bytes is \"many\"");
        assertBroken(json.replaceFirst("\"rows\" : 20", "\"rows\" : 21"), "f: totals are ");
        assertBroken(json.substring(0, json.length() / 2), "f is not valid JSON");
        assertBroken("", "f: format is ''");
    }

    private static void assertBroken(String json, String start) {
        assertMessage(start, () -> ShardManifest.parse(json.getBytes(UTF_8), "f"));
    }

    private static void assertMessage(String start, Executable action) {
        String message = assertThrows(ShardException.class, action).getMessage();
        assertTrue(message.startsWith(start), message);
    }
}
