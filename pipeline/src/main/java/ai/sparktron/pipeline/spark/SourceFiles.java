package ai.sparktron.pipeline.spark;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;

/** Finds the files behind a path, a pattern or a folder on any file system, in the order of their paths, and cuts them into slices. */
final class SourceFiles {

    private static final long MOST_SLICES = 2048;

    private final HadoopSettings settings;
    private final long sliceBytes;

    SourceFiles(Configuration configuration, long sliceBytes) {
        this.settings = new HadoopSettings(configuration);
        this.sliceBytes = sliceBytes;
    }

    /** Whether a path names something that is there, literally or as a pattern. */
    boolean exists(String location) {
        try {
            return !statuses(location).isEmpty();
        } catch (IOException | IllegalArgumentException notAPath) {
            return false;
        }
    }

    /**
     * @param location a file, a folder (all files below it whose endings are known) or a pattern
     * @param dataset  the specification as the user wrote it, for messages
     */
    List<SourceFile> find(String location, String dataset) {
        List<SourceFile> files = new ArrayList<>();
        try {
            List<FileStatus> statuses = statuses(location);
            if (statuses.isEmpty()) {
                throw new DatasetException("dataset '" + dataset + "': nothing is at " + location + "; expected a file, a folder or a pattern on a file "
                        + "system that Spark reaches, table:NAME, or a hub id (HF::id, MS::id). Relative paths start at " + System.getProperty("user.dir"));
            }
            for (FileStatus status : statuses) {
                if (status.isDirectory()) {
                    addFolder(status.getPath(), files);
                } else {
                    FileFormat format = FileFormat.of(status.getPath().getName()).orElseThrow(() -> new DatasetException("dataset '" + dataset
                            + "': the ending of " + status.getPath() + " is none that holds rows; expected " + FileFormat.expected()));
                    files.add(file(status, format));
                }
            }
        } catch (IOException | IllegalArgumentException fault) {
            if (fault instanceof DatasetException known) {
                throw known;
            }
            throw new DatasetException("dataset '" + dataset + "': cannot read " + location + ": " + fault.getMessage(), fault);
        }
        if (files.isEmpty()) {
            throw new DatasetException("dataset '" + dataset + "': the folder " + location + " holds no file with rows; expected endings "
                    + FileFormat.expected());
        }
        files.sort(Comparator.comparing(SourceFile::path));
        return files;
    }

    private List<FileStatus> statuses(String location) throws IOException {
        Path path = new Path(location);
        FileSystem files = settings.fileSystem(path);
        try {
            return List.of(files.getFileStatus(path));
        } catch (FileNotFoundException noLiteral) {
            FileStatus[] matched = files.globStatus(path);
            return matched == null ? List.of() : List.of(matched);
        }
    }

    private void addFolder(Path folder, List<SourceFile> files) throws IOException {
        RemoteIterator<LocatedFileStatus> all = settings.fileSystem(folder).listFiles(folder, true);
        while (all.hasNext()) {
            LocatedFileStatus status = all.next();
            Optional<FileFormat> format = FileFormat.of(status.getPath().getName());
            if (format.isPresent() && !isHidden(folder, status.getPath())) {
                files.add(file(status, format.get()));
            }
        }
    }

    /** Names that begin with a dot or an underscore are not data, as everywhere in Spark. */
    private static boolean isHidden(Path folder, Path path) {
        for (Path part = path; part != null && !part.equals(folder); part = part.getParent()) {
            if (part.getName().startsWith(".") || part.getName().startsWith("_")) {
                return true;
            }
        }
        return false;
    }

    private SourceFile file(FileStatus status, FileFormat format) throws IOException {
        String path = status.getPath().toString();
        FileFormat actual = format == FileFormat.JSON && firstLineIsObject(path) ? FileFormat.JSONL : format;
        return new SourceFile(path, actual, status.getLen(), status.getModificationTime());
    }

    private boolean firstLineIsObject(String path) throws IOException {
        try (RowCursor lines = new SliceReader(settings).open(Slice.whole(path, FileFormat.JSONL, 0))) {
            return lines.next() && SliceReader.mapper().readTree(lines.buffer(), lines.offset(), lines.length()).isObject();
        } catch (JsonProcessingException notOnOneLine) {
            return false;
        }
    }

    /** Cuts a text file where its rows can be cut. */
    List<Slice> slices(SourceFile file) {
        long bytes = Math.max(sliceBytes, file.bytes() / MOST_SLICES);
        if (!file.format().isLines() || FileFormat.isCompressed(file.path()) || file.bytes() <= bytes) {
            return List.of(Slice.whole(file.path(), file.format(), file.bytes()));
        }
        long count = (file.bytes() + bytes - 1) / bytes;
        List<Slice> slices = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            long start = file.bytes() / count * i;
            long end = i == count - 1 ? file.bytes() : file.bytes() / count * (i + 1);
            slices.add(new Slice(file.path(), file.format(), start, end, end - start, null));
        }
        return slices;
    }
}
