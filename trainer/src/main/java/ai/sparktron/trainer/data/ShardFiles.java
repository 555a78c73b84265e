package ai.sparktron.trainer.data;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Gives local files for those of a data set, wherever it is: shards are mapped, and only a local file can be. For a remote directory the
 * implementation copies the file to scratch space first, once, and keeps it until the run ends.
 */
@FunctionalInterface
public interface ShardFiles {

    /** Directories are local paths; nothing is copied. */
    ShardFiles LOCAL = (directory, name) -> Path.of(directory, name);

    /** Whether a directory is given as a URI, such as {@code hdfs:} or {@code s3a:}, and not as a path of this host. */
    static boolean isRemote(String directory) {
        return directory.matches("[A-Za-z][A-Za-z0-9+.-]+:.*");
    }

    /**
     * A local file with the content of {@code directory/name}. May be called from the reading-ahead thread. A file that does not exist is either
     * an {@link java.nio.file.NoSuchFileException} or a path at which there is nothing.
     *
     * @param directory the data set's directory as the user gave it
     * @param name      {@code manifest.json} or a shard's name
     */
    Path local(String directory, String name) throws IOException;
}
