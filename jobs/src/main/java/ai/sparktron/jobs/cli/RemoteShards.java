package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.data.ShardFiles;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;

/**
 * Shards wherever Hadoop's file systems reach ({@code hdfs:}, {@code s3a:}, {@code abfs:} ...): copied to scratch space of the host when they are first needed, once
 * for all ranks of the host, and removed when the process ends. Plain paths and {@code file:} are read where they are. Goes to the executors with the driver's
 * Hadoop configuration.
 */
final class RemoteShards implements ShardFiles, Serializable {

    private static final long serialVersionUID = 1L;

    private final String scratch;
    private transient Configuration configuration;

    /** @param scratch name of a folder in the host's temporary directory, the same for all ranks of a run and no other's */
    RemoteShards(Configuration configuration, String scratch) {
        this.configuration = configuration;
        this.scratch = scratch;
    }

    @Override
    public Path local(String directory, String name) throws IOException {
        if (!ShardFiles.isRemote(directory)) {
            return ShardFiles.LOCAL.local(directory, name);
        }
        org.apache.hadoop.fs.Path source = new org.apache.hadoop.fs.Path(directory, name);
        if ("file".equalsIgnoreCase(source.toUri().getScheme())) {
            return Path.of(source.toUri().getPath());
        }
        FileSystem files = source.getFileSystem(configuration);
        FileStatus status;
        try {
            status = files.getFileStatus(source);
        } catch (FileNotFoundException missing) {
            throw new NoSuchFileException(source.toString());
        }
        String version = UUID.nameUUIDFromBytes((source + "|" + status.getLen() + "|" + status.getModificationTime()).getBytes()).toString();
        Path target = Path.of(System.getProperty("java.io.tmpdir"), scratch, version, name);
        if (!Files.exists(target) || Files.size(target) != status.getLen()) {
            copy(files, source, target, status.getLen());
        }
        return target;
    }

    /** Under another name first: ranks of the host may copy the same file at the same time. */
    private static void copy(FileSystem files, org.apache.hadoop.fs.Path source, Path target, long bytes) throws IOException {
        Files.createDirectories(target.getParent());
        Path part = Files.createTempFile(target.getParent(), target.getFileName().toString(), ".part");
        try (InputStream in = files.open(source)) {
            long copied = Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
            if (copied != bytes) {
                throw new IOException(source + " ended after " + copied + " of " + bytes + " bytes while it was copied to " + target.getParent());
            }
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(part);
        }
        target.getParent().getParent().toFile().deleteOnExit();
        target.getParent().toFile().deleteOnExit();
        target.toFile().deleteOnExit();
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
        out.defaultWriteObject();
        configuration.write(out);
    }

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
        in.defaultReadObject();
        configuration = new Configuration(false);
        configuration.readFields(in);
    }
}
