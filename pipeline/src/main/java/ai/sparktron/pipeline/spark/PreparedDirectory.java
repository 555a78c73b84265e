package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardEntry;
import ai.sparktron.packing.shard.ShardException;
import ai.sparktron.packing.shard.ShardManifest;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.apache.hadoop.conf.Configuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The output directory of a preparation: found as it should be, or cleared, filled and sealed. The training manifest is written last: a directory
 * without it is no data set, and what an interrupted run left is cleared by the next.
 */
final class PreparedDirectory {

    private static final Logger LOG = LoggerFactory.getLogger(PreparedDirectory.class);
    private static final String HUB_COPIES = "_hub";
    private static final String FORMAT = "sparktron.prepare";
    private static final List<String> OWN = List.of(PreparedData.TRAIN + "/" + ShardManifest.FILE, PreparedData.TRAIN, PreparedData.VALIDATION,
            PreparedData.PARTS, OutputFiles.TEMPORARY, PreparedData.RECORD, PreparedData.BAD_ROWS, PreparedData.VALIDATION_ROWS);

    private final ObjectMapper mapper = new ObjectMapper();
    private final Place place;
    private final String fingerprint;
    private final OutputFiles files;
    private final String path;

    /** How the directory is named. */
    enum Naming { EXACT, BY_FINGERPRINT }

    /** What happens to data in it that was prepared otherwise. */
    enum Other { REFUSE, REPLACE }

    /** Where the user wants the data. */
    record Place(String directory, Naming naming, Other other) {
    }

    /** @param fingerprint null when the sources cannot be identified */
    PreparedDirectory(Place place, String fingerprint, Configuration configuration) {
        this.place = place;
        this.fingerprint = fingerprint;
        this.path = place.naming() == Naming.EXACT ? place.directory()
                : place.directory() + "/" + (fingerprint == null ? "unidentified" : fingerprint.substring(0, 16));
        this.files = new OutputFiles(new HadoopSettings(configuration), path);
    }

    String path() {
        return path;
    }

    /** Where hub files are copied when the output is not on local disk. */
    static String hubCopies(Place place) {
        return place.directory() + "/" + HUB_COPIES;
    }

    static void deleteHubCopies(Place place, Configuration configuration) {
        try {
            new OutputFiles(new HadoopSettings(configuration), place.directory()).delete(HUB_COPIES);
        } catch (IOException fault) {
            LOG.warn("copies of hub files stay behind in {}: {}", hubCopies(place), fault.getMessage());
        }
    }

    /** What was prepared here from the same sources with the same options, or null. Missing or cut shards make it unfit. */
    PreparedData find(RowCodec codec, PrepareOptions options) {
        try {
            byte[] record = files.read(PreparedData.RECORD);
            if (fingerprint == null || record == null || !fingerprint.equals(mapper.readTree(record).path("fingerprint").asText())) {
                return null;
            }
            ShardManifest train = manifest(PreparedData.TRAIN);
            ShardManifest validation = manifest(PreparedData.VALIDATION);
            if (train == null || !isWhole(PreparedData.TRAIN, train) || validation != null && !isWhole(PreparedData.VALIDATION, validation)) {
                return null;
            }
            return data(train, validation, null);
        } catch (IOException | ShardException unfit) {
            return null;
        }
    }

    private ShardManifest manifest(String set) throws IOException {
        String name = set + "/" + ShardManifest.FILE;
        byte[] json = files.read(name);
        return json == null ? null : ShardManifest.parse(json, files.path(name));
    }

    private boolean isWhole(String set, ShardManifest manifest) throws IOException {
        for (ShardEntry shard : manifest.shards()) {
            String name = set + "/" + shard.file();
            if (!files.exists(name) || files.size(name) != shard.bytes()) {
                return false;
            }
        }
        return true;
    }

    private PreparedData data(ShardManifest train, ShardManifest validation, PrepareSummary summary) {
        return new PreparedData(files.path(PreparedData.TRAIN), train, validation == null ? null : files.path(PreparedData.VALIDATION), validation,
                Optional.ofNullable(summary));
    }

    /** Clears what an interrupted run left, or what is to be replaced. */
    void begin() {
        try {
            if (place.other() == Other.REFUSE && files.exists(PreparedData.TRAIN + "/" + ShardManifest.FILE)) {
                throw new DatasetException("the output directory " + path + " holds data that was prepared from other sources or with other options; give "
                        + "another directory, or allow it to be overwritten");
            }
            discard();
        } catch (IOException fault) {
            throw unwritable(fault);
        }
    }

    /** Removes everything a preparation writes, the manifest first; files of others stay. */
    void discard() {
        try {
            for (String name : OWN) {
                files.delete(name);
            }
        } catch (IOException fault) {
            throw unwritable(fault);
        }
    }

    private DatasetException unwritable(IOException fault) {
        return new DatasetException("cannot write the output directory " + path + ": " + fault.getMessage() + "; check its permissions and the disk's room",
                fault);
    }

    /** Joins the bad rows of all buckets into one file. */
    void keepBadRows(List<BucketReport> reports) {
        try {
            join(PreparedData.BAD_ROWS, reports, report -> report.badRowsPart);
            files.delete(PreparedData.PARTS);
            files.delete(OutputFiles.TEMPORARY);
        } catch (IOException fault) {
            throw unwritable(fault);
        }
    }

    private void join(String name, List<BucketReport> reports, Function<BucketReport, String> part) throws IOException {
        List<String> parts = reports.stream().map(part).filter(found -> found != null).toList();
        if (!parts.isEmpty()) {
            files.write(name, OutputFiles.Existing.REPLACE, (OutputStream out) -> {
                for (String found : parts) {
                    files.append(found, out);
                }
            });
        }
    }

    /** Makes the directory a data set. */
    PreparedData commit(ShardManifest train, ShardManifest validation, List<BucketReport> reports, PrepareSummary summary) {
        try {
            if (!isWhole(PreparedData.TRAIN, train) || validation != null && !isWhole(PreparedData.VALIDATION, validation)) {
                throw new IOException("a shard that a task wrote is not there, or not whole; do executors and driver see the same file system?");
            }
            join(PreparedData.VALIDATION_ROWS, reports, report -> report.rawRowsPart);
            keepBadRows(reports);
            files.write(PreparedData.RECORD, OutputFiles.Existing.REPLACE, out -> out.write(record(summary)));
            if (validation != null) {
                files.write(PreparedData.VALIDATION + "/" + ShardManifest.FILE, OutputFiles.Existing.REPLACE, out -> out.write(validation.toJson()));
            }
            files.write(PreparedData.TRAIN + "/" + ShardManifest.FILE, OutputFiles.Existing.REPLACE, out -> out.write(train.toJson()));
            files.delete(OutputFiles.TEMPORARY);
            return data(train, validation, summary);
        } catch (IOException fault) {
            throw unwritable(fault);
        }
    }

    private byte[] record(PrepareSummary summary) throws IOException {
        ObjectNode root = mapper.createObjectNode().put("format", FORMAT).put("version", 1).put("fingerprint", fingerprint);
        root.put("rows", summary.rows()).put("kept", summary.kept());
        ObjectNode dropped = root.putObject("dropped");
        summary.dropped().forEach(dropped::put);
        return mapper.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    }
}
