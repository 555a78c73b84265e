package ai.sparktron.pipeline.spark;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.UUID;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Files of an output directory on any Hadoop file system that appear whole or not at all: written under {@code _temporary} with a name of the
 * attempt's own, synced, renamed. Attempts of the same task (speculation, a retry) write the same bytes, so whoever renames first is right and the
 * other's file is dropped.
 */
final class OutputFiles {

    static final String TEMPORARY = "_temporary";

    private final HadoopSettings settings;
    private final Path root;

    OutputFiles(HadoopSettings settings, String root) {
        this.settings = settings;
        this.root = new Path(root);
    }

    /** Writes the content of a file. */
    interface Content {
        void write(OutputStream out) throws IOException;
    }

    /** What to do with a file of that name that is there already. */
    enum Existing { KEEP, REPLACE }

    void write(String name, Existing existing, Content content) throws IOException {
        FileSystem files = settings.plainFileSystem(root);
        Path target = new Path(root, name);
        Path temporary = new Path(new Path(root, TEMPORARY), UUID.randomUUID() + "-" + target.getName());
        boolean done = false;
        try {
            try (FSDataOutputStream out = files.create(temporary, true, 1 << 18)) {
                content.write(new Unclosed(out));
                out.hsync();
            }
            files.mkdirs(target.getParent());
            if (existing == Existing.REPLACE) {
                files.delete(target, false);
            }
            done = files.rename(temporary, target);
            if (!done && !files.exists(target)) {
                throw new IOException("cannot rename " + temporary + " to " + target);
            }
        } finally {
            if (!done) {
                files.delete(temporary, false);
            }
        }
    }

    void append(String name, OutputStream out) throws IOException {
        try (var in = settings.plainFileSystem(root).open(new Path(root, name))) {
            in.transferTo(out);
        }
    }

    /** The whole content of a small file, or null where there is none. */
    byte[] read(String name) throws IOException {
        try (var in = settings.plainFileSystem(root).open(new Path(root, name))) {
            return in.readAllBytes();
        } catch (FileNotFoundException none) {
            return null;
        }
    }

    long size(String name) throws IOException {
        return settings.plainFileSystem(root).getFileStatus(new Path(root, name)).getLen();
    }

    boolean exists(String name) throws IOException {
        return settings.plainFileSystem(root).exists(new Path(root, name));
    }

    void delete(String name) throws IOException {
        settings.plainFileSystem(root).delete(new Path(root, name), true);
    }

    boolean isEmpty() throws IOException {
        FileSystem files = settings.plainFileSystem(root);
        return !files.exists(root) || files.listStatus(root).length == 0;
    }

    String path(String name) {
        return new Path(root, name).toString();
    }

    /** Passes everything on but the close: the sync comes between. */
    private static final class Unclosed extends OutputStream {
        private final OutputStream out;

        Unclosed(OutputStream out) {
            this.out = out;
        }

        @Override
        public void write(int value) throws IOException {
            out.write(value);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
        }

        @Override
        public void flush() throws IOException {
            out.flush();
        }
    }
}
