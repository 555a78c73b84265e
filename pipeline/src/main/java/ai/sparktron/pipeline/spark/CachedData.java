package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardException;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;

/**
 * Shards that were prepared before ({@code --cached_dataset DIR}), checked against the run that wants them: another tokenizer means other ids,
 * another template other text and labels, another row length other shapes.
 */
public final class CachedData {

    /** Small files of a directory, by name. */
    @FunctionalInterface
    public interface SmallFiles {
        /** The whole file; null when there is none. */
        byte[] read(String directory, String name) throws IOException;
    }

    private final SmallFiles files;

    private CachedData(SmallFiles files) {
        this.files = files;
    }

    /** Shards on any file system that Hadoop reaches. */
    public static CachedData on(Configuration configuration) {
        return new CachedData((directory, name) -> new OutputFiles(new HadoopSettings(configuration), directory).read(name));
    }

    /** Shards on this host's disks; needs no Hadoop. */
    public static CachedData onThisHost() {
        return new CachedData((directory, name) -> {
            Path file = Path.of(directory, name);
            return Files.exists(file) ? Files.readAllBytes(file) : null;
        });
    }

    /**
     * Opens a directory made by {@code prepare}, or a directory of shards within it.
     *
     * @param codec     tokenizer and template of this run
     * @param maxLength {@code max_length} of this run
     * @throws DatasetException when there is no manifest, or the shards do not fit; all differences at once
     */
    public PreparedData open(String directory, RowCodec codec, int maxLength) {
        boolean whole = manifest(directory, PreparedData.TRAIN + "/" + ShardManifest.FILE) != null;
        String train = whole ? directory + "/" + PreparedData.TRAIN : directory;
        ShardManifest trainManifest = manifest(train, ShardManifest.FILE);
        if (trainManifest == null) {
            throw new DatasetException("cached_dataset " + directory + " has no " + ShardManifest.FILE + " (nor has its folder " + PreparedData.TRAIN
                    + "): it was not made by prepare, or its preparation did not end; run prepare again, or give the directory that it printed");
        }
        ShardManifest validation = whole ? manifest(directory, PreparedData.VALIDATION + "/" + ShardManifest.FILE) : null;
        check(directory, trainManifest.metadata(), codec, maxLength);
        if (validation != null) {
            check(directory + "/" + PreparedData.VALIDATION, validation.metadata(), codec, maxLength);
        }
        return new PreparedData(train, trainManifest, validation == null ? null : directory + "/" + PreparedData.VALIDATION, validation, Optional.empty());
    }

    private ShardManifest manifest(String directory, String name) {
        try {
            byte[] json = files.read(directory, name);
            return json == null ? null : ShardManifest.parse(json, directory + "/" + name);
        } catch (IOException | ShardException fault) {
            throw new DatasetException("cached_dataset " + directory + ": " + fault.getMessage(), fault);
        }
    }

    private static void check(String directory, ShardMetadata metadata, RowCodec codec, int maxLength) {
        List<String> differences = new ArrayList<>();
        if (!metadata.tokenizerFingerprint().equals(codec.tokenizerFingerprint())) {
            differences.add("its tokenizer is " + metadata.tokenizerFingerprint() + ", this run's is " + codec.tokenizerFingerprint());
        }
        if (!metadata.templateFingerprint().equals(codec.templateFingerprint())) {
            differences.add("its template and options of rendering are " + metadata.templateFingerprint() + ", this run's are "
                    + codec.templateFingerprint());
        }
        if (!metadata.rowForm().equals(codec.rowForm())) {
            differences.add("its rows are " + metadata.rowForm() + ", this run's are " + codec.rowForm());
        }
        if (metadata.rowCapacity() != maxLength) {
            differences.add("its max_length is " + metadata.rowCapacity() + ", this run's is " + maxLength);
        }
        if (!differences.isEmpty()) {
            throw new DatasetException("cached_dataset " + directory + " was prepared for another run: " + String.join("; ", differences)
                    + ". Prepare the data again with this model and these options, or use those it was prepared with");
        }
    }
}
