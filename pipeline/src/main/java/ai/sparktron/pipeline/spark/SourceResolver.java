package ai.sparktron.pipeline.spark;

import ai.sparktron.pipeline.dataset.DatasetSpec;
import ai.sparktron.pipeline.hub.HubClient;
import ai.sparktron.pipeline.hub.HubException;
import ai.sparktron.pipeline.hub.HubFile;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/** Turns dataset specifications into {@link Source}s: finds files, fetches hub datasets, looks tables up. Runs on the driver. */
final class SourceResolver {

    /** Names of the self-cognition rows that ship with the project. */
    static final Set<String> SELF_COGNITION = Set.of("swift/self-cognition", "sparktron/self-cognition");
    private static final String SELF_COGNITION_ROWS = "self-cognition.jsonl";

    private final SparkSession spark;
    private final HubAccess hubs;
    private final SourceFiles files;
    private final Path shared;

    /**
     * @param hubs   null where only local data is read
     * @param shared where hub files are put for the executors when it is not on local disk; null = they read the hub cache
     */
    SourceResolver(SparkSession spark, HubAccess hubs, long sliceBytes, String shared) {
        this.spark = spark;
        this.hubs = hubs;
        this.shared = shared == null ? null : new Path(shared);
        this.files = new SourceFiles(configuration(spark), sliceBytes);
    }

    static Configuration configuration(SparkSession spark) {
        return spark.sparkContext().hadoopConfiguration();
    }

    Source resolve(String text) {
        DatasetSpec spec = DatasetSpec.parse(text, files::exists);
        if (SELF_COGNITION.contains(spec.location()) && spec.origin() != DatasetSpec.Origin.PATH) {
            return selfCognition(spec);
        }
        return switch (spec.origin()) {
            case PATH -> ofFiles(spec, files.find(spec.location(), text));
            case TABLE -> table(spec);
            case HUGGING_FACE, MODELSCOPE -> hub(spec);
            case PATH_OR_HUB -> files.exists(spec.location()) ? ofFiles(spec, files.find(spec.location(), text)) : hub(spec);
        };
    }

    /** A frame that the caller made. Its rows are ordered by content, because a frame has no order of its own. */
    Source frame(String name, Dataset<Row> rows) {
        DatasetSpec spec = new DatasetSpec(DatasetSpec.Origin.TABLE, name, List.of(), OptionalLong.empty());
        return new Source(spec, List.of(new Source.Frame(name, ordered(rows))), null);
    }

    private static Source selfCognition(DatasetSpec spec) {
        try (InputStream rows = SourceResolver.class.getResourceAsStream(SELF_COGNITION_ROWS)) {
            if (rows == null) {
                throw new IllegalStateException("the resource " + SELF_COGNITION_ROWS + " is missing from the pipeline's jar");
            }
            byte[] content = rows.readAllBytes();
            return new Source(spec, List.of(new Source.Slices(List.of(Slice.inline(SELF_COGNITION_ROWS, FileFormat.JSONL, content)))),
                    SELF_COGNITION_ROWS + " " + content.length + " " + Arrays.hashCode(content));
        } catch (IOException fault) {
            throw new IllegalStateException("cannot read the resource " + SELF_COGNITION_ROWS, fault);
        }
    }

    private Source ofFiles(DatasetSpec spec, List<SourceFile> found) {
        List<Source.Section> sections = new ArrayList<>();
        List<Slice> slices = new ArrayList<>();
        StringBuilder identity = new StringBuilder();
        for (SourceFile file : found) {
            identity.append(file.path()).append(' ').append(file.bytes()).append(' ').append(file.modifiedMillis()).append('\n');
            if (file.format().isColumnar()) {
                if (!slices.isEmpty()) {
                    sections.add(new Source.Slices(slices));
                    slices.clear();
                }
                // One frame per file: within a file Spark's partitions are in the order of its rows, across files they are not.
                sections.add(new Source.Frame(file.path(), spark.read().format(file.format().name().toLowerCase(Locale.ROOT)).load(file.path())));
            } else {
                slices.addAll(files.slices(file));
            }
        }
        if (!slices.isEmpty()) {
            sections.add(new Source.Slices(slices));
        }
        return new Source(spec, sections, identity.toString());
    }

    private Source hub(DatasetSpec spec) {
        if (hubs == null) {
            throw new DatasetException("dataset '" + spec + "': no such file or folder, and no hub is set up for this run; give a path that is there");
        }
        HubClient.Snapshot snapshot;
        try {
            snapshot = hubs.fetch(spec);
        } catch (HubException fault) {
            throw new DatasetException("dataset '" + spec + "': " + fault.getMessage(), fault);
        }
        List<SourceFile> found = new ArrayList<>();
        StringBuilder identity = new StringBuilder(snapshot.snapshot()).append('\n');
        for (HubFile file : snapshot.files()) {
            found.addAll(files.find(reachable(new Path(snapshot.directory().resolve(file.path()).toUri()), snapshot.snapshot() + "/" + file.path()), spec.toString()));
            identity.append(file.path()).append(' ').append(file.bytes()).append('\n');
        }
        return new Source(spec, ofFiles(spec, found).sections(), identity.toString());
    }

    /** The cache is on the driver's disk. Where the output is on a distributed file system, the executors are likely elsewhere: the file goes there. */
    private String reachable(Path cached, String name) {
        try {
            if (shared == null || shared.getFileSystem(configuration(spark)) instanceof LocalFileSystem) {
                return cached.toString();
            }
            Path copy = new Path(shared, name);
            shared.getFileSystem(configuration(spark)).copyFromLocalFile(false, true, cached, copy);
            return copy.toString();
        } catch (IOException fault) {
            throw new DatasetException("cannot copy " + cached + " to " + shared + " for the executors: " + fault.getMessage(), fault);
        }
    }

    private Source table(DatasetSpec spec) {
        Dataset<Row> rows;
        try {
            rows = spark.table(spec.location());
        } catch (Exception fault) {
            throw new DatasetException("dataset '" + spec + "': Spark's catalog has no table or view '" + spec.location() + "' ("
                    + String.valueOf(fault.getMessage()).lines().findFirst().orElse("") + "); check the name and spark.sql.catalog settings", fault);
        }
        return new Source(spec, List.of(new Source.Frame(spec.toString(), ordered(rows))), tableIdentity(rows));
    }

    /** Rows as JSON in an order of their own (hash, then text), so that it is the same however the frame is partitioned. */
    private static Dataset<Row> ordered(Dataset<Row> rows) {
        Column json = functions.to_json(functions.struct(functions.col("*"))).as(FrameCursor.JSON_COLUMN);
        Dataset<Row> texts = rows.select(json);
        return texts.orderBy(functions.xxhash64(functions.col(FrameCursor.JSON_COLUMN)), functions.col(FrameCursor.JSON_COLUMN));
    }

    /** A table is known by its files; one that has none (a view over another system) by nothing. */
    private String tableIdentity(Dataset<Row> rows) {
        StringBuilder identity = new StringBuilder(rows.schema().json()).append('\n');
        String[] inputs = rows.inputFiles();
        Arrays.sort(inputs);
        try {
            for (String input : inputs) {
                Path path = new Path(URI.create(input));
                FileStatus status = path.getFileSystem(configuration(spark)).getFileStatus(path);
                identity.append(path).append(' ').append(status.getLen()).append(' ').append(status.getModificationTime()).append('\n');
            }
        } catch (IOException | IllegalArgumentException unknown) {
            return null;
        }
        return inputs.length == 0 ? null : identity.toString();
    }
}
