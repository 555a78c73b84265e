package ai.sparktron.pipeline.spark;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;

/** Hadoop's configuration on its way to the tasks, so that they reach the same file systems with the same keys as the driver. */
final class HadoopSettings implements Serializable {

    private static final long serialVersionUID = 1L;

    private transient Configuration configuration;

    HadoopSettings(Configuration configuration) {
        this.configuration = configuration;
    }

    Configuration configuration() {
        return configuration;
    }

    FileSystem fileSystem(Path path) throws IOException {
        return path.getFileSystem(configuration);
    }

    /** As {@link #fileSystem}; on local disk without Hadoop's checksum files beside each file: shards have checksums of their own. */
    FileSystem plainFileSystem(Path path) throws IOException {
        FileSystem files = fileSystem(path);
        return files instanceof LocalFileSystem local ? local.getRawFileSystem() : files;
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
        configuration.write(out);
    }

    private void readObject(ObjectInputStream in) throws IOException {
        configuration = new Configuration(false);
        configuration.readFields(in);
    }
}
