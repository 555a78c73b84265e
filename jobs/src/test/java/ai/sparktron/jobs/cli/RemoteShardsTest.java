package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RemoteShardsTest {

    /** The local disk under a name that makes it remote. */
    public static final class FarFileSystem extends RawLocalFileSystem {
        @Override
        public URI getUri() {
            return URI.create("far:///");
        }

        @Override
        public String getScheme() {
            return "far";
        }
    }

    @TempDir
    private Path folder;

    private static RemoteShards shards() {
        Configuration configuration = new Configuration(false);
        configuration.set("fs.far.impl", FarFileSystem.class.getName());
        return new RemoteShards(configuration, "sparktron-test-" + UUID.randomUUID());
    }

    private static RemoteShards sent(RemoteShards shards) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(shards);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return (RemoteShards) in.readObject();
        }
    }

    @Test
    void aRemoteFileIsCopiedOnceForAllRanksOfAHost() throws Exception {
        Files.writeString(folder.resolve("part-0.arrow"), "rows");
        RemoteShards first = shards();
        Path copy = sent(first).local("far:" + folder, "part-0.arrow");
        assertNotEquals(folder.resolve("part-0.arrow"), copy);
        assertEquals("rows", Files.readString(copy));
        FileTime written = Files.getLastModifiedTime(copy);
        assertEquals(copy, sent(first).local("far:" + folder, "part-0.arrow"));
        assertEquals(written, Files.getLastModifiedTime(copy), "not copied again");
        Files.writeString(folder.resolve("part-0.arrow"), "other rows");
        assertEquals("other rows", Files.readString(first.local("far:" + folder, "part-0.arrow")), "a file that was replaced is another file");
    }

    @Test
    void localFilesAreReadWhereTheyAre() throws IOException {
        assertEquals(folder.resolve("x"), shards().local(folder.toString(), "x"));
        assertEquals(folder.resolve("x"), shards().local("file://" + folder, "x"));
        assertEquals(folder.resolve("x"), shards().local("file:" + folder, "x"));
    }

    @Test
    void whatIsMissingIsNamed() {
        assertTrue(assertThrows(NoSuchFileException.class, () -> shards().local("far:" + folder, "manifest.json")).getMessage().contains("far:"));
        IOException unknown = assertThrows(IOException.class, () -> shards().local("nowhere://x/y", "manifest.json"));
        assertTrue(unknown.getMessage().contains("nowhere"), unknown.getMessage());
    }
}
