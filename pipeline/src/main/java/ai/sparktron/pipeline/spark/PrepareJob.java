package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.shard.ShardCounts;
import ai.sparktron.packing.shard.ShardEntry;
import ai.sparktron.packing.shard.ShardManifest;
import ai.sparktron.packing.shard.ShardMetadata;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Raw rows to packed shards, on any Spark session.
 *
 * <pre>{@code
 * PreparedData data = PrepareJob.builder(PrepareOptions.of(List.of("rows.jsonl"), 2048), codec).output("prepared").build().run(spark);
 * }</pre>
 *
 * <p>Two Spark jobs: one counts rows, which gives every row its index; one routes rows to buckets and makes a shard of each. The package's
 * documentation says why the result is the same bytes on any number of cores.
 */
public final class PrepareJob {

    private static final Logger LOG = LoggerFactory.getLogger(PrepareJob.class);
    private static final int MANY_BUCKETS = 4096;
    private static final long LARGE_BUCKET = 512L << 20;
    /** With this many samples best-fit decreasing leaves less than a thousandth of the room empty. */
    private static final long GOOD_SAMPLES = 10_000;

    private final PrepareOptions options;
    private final RowCodec codec;
    private final HubAccess hubs;
    private final PreparedDirectory.Place place;
    private final Map<String, Dataset<Row>> frames;

    private PrepareJob(Builder builder) {
        this.options = builder.options;
        this.codec = builder.codec;
        this.hubs = builder.hubs;
        this.place = Objects.requireNonNull(builder.place, "output(directory) or cache(root) was not called");
        this.frames = new LinkedHashMap<>(builder.frames);
    }

    public static Builder builder(PrepareOptions options, RowCodec codec) {
        return new Builder(options, codec);
    }

    /** Collects what a job needs beyond its options. */
    public static final class Builder {
        private final PrepareOptions options;
        private final RowCodec codec;
        private final Map<String, Dataset<Row>> frames = new LinkedHashMap<>();
        private HubAccess hubs;
        private PreparedDirectory.Place place;

        private Builder(PrepareOptions options, RowCodec codec) {
            this.options = Objects.requireNonNull(options, "options");
            this.codec = Objects.requireNonNull(codec, "codec");
        }

        /** Writes to this directory, on any Hadoop file system. One that holds data prepared otherwise is refused. */
        public Builder output(String directory) {
            place = new PreparedDirectory.Place(directory, PreparedDirectory.Naming.EXACT, PreparedDirectory.Other.REFUSE);
            return this;
        }

        /** As {@link #output}, but replaces data prepared otherwise. */
        public Builder overwrite(String directory) {
            place = new PreparedDirectory.Place(directory, PreparedDirectory.Naming.EXACT, PreparedDirectory.Other.REPLACE);
            return this;
        }

        /** Writes to a directory below {@code root} that is named by the fingerprint of everything that decides the shards. */
        public Builder cache(String root) {
            place = new PreparedDirectory.Place(root, PreparedDirectory.Naming.BY_FINGERPRINT, PreparedDirectory.Other.REPLACE);
            return this;
        }

        /** Where hub ids are fetched; without it a dataset that is no local path is an error. */
        public Builder hubs(HubAccess access) {
            hubs = access;
            return this;
        }

        /** Adds rows that the caller holds as a frame to the training data, behind the options' datasets. Never reused by fingerprint. */
        public Builder rows(String name, Dataset<Row> frame) {
            frames.put(name, frame);
            return this;
        }

        public PrepareJob build() {
            return new PrepareJob(this);
        }
    }

    /**
     * Prepares the data, or finds it prepared.
     *
     * @throws DatasetException when a dataset cannot be read, no row is left, a row is bad under {@code strict}, or the directory holds other data
     */
    public PreparedData run(SparkSession session) {
        long start = System.nanoTime();
        JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        String before = spark.getLocalProperty("spark.job.description");
        try {
            return TaskFailure.explained(() -> run(session, spark, start));
        } finally {
            // Copies of hub files were for this run's tasks only.
            PreparedDirectory.deleteHubCopies(place, spark.hadoopConfiguration());
            session.sparkContext().setJobDescription(before);
        }
    }

    private PreparedData run(SparkSession session, JavaSparkContext spark, long start) {
        List<Source> sources = resolve(session);
        String fingerprint = Fingerprint.of(options, sources, codec);
        PreparedDirectory directory = new PreparedDirectory(place, fingerprint, spark.hadoopConfiguration());
        if (options.reuse()) {
            PreparedData ready = directory.find(codec, options);
            if (ready != null) {
                LOG.info("data in {} was prepared from the same sources with the same options: used as it is", directory.path());
                return ready;
            }
        }
        directory.begin();
        int trainSources = sources.size() - options.valDataset().size();
        SourceRows rows = new SourceRows(spark, sources, options.shardBytes());
        session.sparkContext().setJobDescription("sparktron prepare 1/2: count rows of " + describe(sources));
        PieceCount[] counts = rows.count();
        Routing routing = routing(sources, trainSources, counts);
        session.sparkContext().setJobDescription("sparktron prepare 2/2: template, tokenize and pack " + describe(sources));
        List<BucketReport> reports = encode(spark, rows, routing, directory);
        return finish(directory, routing, reports, start);
    }

    private List<Source> resolve(SparkSession session) {
        if (options.dataset().isEmpty() && frames.isEmpty()) {
            throw new DatasetException("no dataset is given: expected --dataset with at least one file, folder, table or hub id");
        }
        SourceResolver resolver = new SourceResolver(session, hubs, options.shardBytes(), PreparedDirectory.hubCopies(place));
        List<Source> sources = new ArrayList<>();
        options.dataset().forEach(text -> sources.add(resolver.resolve(text)));
        frames.forEach((name, frame) -> sources.add(resolver.frame(name, frame)));
        options.valDataset().forEach(text -> sources.add(resolver.resolve(text)));
        return sources;
    }

    private static String describe(List<Source> sources) {
        String first = sources.get(0).name();
        return sources.size() == 1 ? first : first + " and " + (sources.size() - 1) + " more";
    }

    private Routing routing(List<Source> sources, int trainSources, PieceCount[] counts) {
        SourceSelection[] selections = new SourceSelection[sources.size()];
        long[] trainSizes = new long[trainSources];
        long[] validationSizes = new long[sources.size()];
        double trainBytes = 0;
        double validationBytes = 0;
        for (int i = 0; i < selections.length; i++) {
            boolean forTrain = i < trainSources;
            Source source = sources.get(i);
            selections[i] = new SourceSelection(counts[i].rows(), source.spec().sample(), forTrain ? options.splitDatasetRatio() : 0,
                    forTrain ? options.datasetShuffle() : options.valDatasetShuffle(), seed(2L * i), source.name());
            double bytesPerRow = (double) counts[i].bytes() / counts[i].rows();
            validationSizes[i] = forTrain ? selections[i].validationRows() : selections[i].trainRows();
            validationBytes += validationSizes[i] * bytesPerRow;
            if (forTrain) {
                trainSizes[i] = selections[i].trainRows();
                trainBytes += trainSizes[i] * bytesPerRow;
            }
        }
        boolean interleave = !options.interleaveProb().isEmpty();
        if (interleave && options.interleaveProb().size() != trainSources) {
            throw new DatasetException("interleave_prob has " + options.interleaveProb().size() + " values for " + trainSources
                    + " training datasets; expected one each");
        }
        Mixture train = interleave ? Mixture.Interleaved.of(trainSizes, options.interleaveProb(), options.stoppingStrategy(), seed(-1))
                : Mixture.Concatenated.of(trainSizes);
        Mixture validation = Mixture.Concatenated.of(validationSizes);
        long concatenated = Mixture.Concatenated.of(trainSizes).size();
        Routing.Part trainPart = new Routing.Part(train, options.datasetShuffle(), seed(-2), buckets(train.size(), trainBytes / concatenated * train.size()));
        Routing.Part validationPart = validation.size() == 0 ? null
                : new Routing.Part(validation, options.valDatasetShuffle(), seed(-3), buckets(validation.size(), validationBytes));
        return new Routing(selections, trainSources, trainPart, validationPart);
    }

    /** A seed of its own for each choice, so that two sources of equal size are not drawn alike. */
    private long seed(long choice) {
        return options.dataSeed() * 0x9E3779B97F4A7C15L + choice * 0xD1B54A32D192ED03L;
    }

    /** Into how many shards a set is cut: a function of the data alone. */
    private int buckets(long samples, double bytes) {
        double shardBytes = options.shardBytes();
        double byBytes = Math.ceil(bytes / shardBytes);
        double bySamples = Math.max(1, Math.floorDiv(samples, GOOD_SAMPLES));
        double wished = Math.max(Math.min(byBytes, bySamples), Math.ceil(bytes / (16 * shardBytes)));
        double bounded = wished <= MANY_BUCKETS ? wished : Math.max(MANY_BUCKETS, Math.min(wished, Math.ceil(bytes / LARGE_BUCKET)));
        return (int) Math.max(1, Math.min(bounded, samples));
    }

    private List<BucketReport> encode(JavaSparkContext spark, SourceRows rows, Routing routing, PreparedDirectory directory) {
        ShardMetadata metadata = metadata();
        Broadcast<Routing> broadcastRouting = spark.broadcast(routing);
        Broadcast<BucketTask.Shared> shared = spark.broadcast(new BucketTask.Shared(codec, rows.pieces(), routing, metadata, options.strict(),
                options.splitDatasetRatio() > 0, new HadoopSettings(spark.hadoopConfiguration()), directory.path()));
        List<BucketReport> reports = new ArrayList<>(rows.routed(broadcastRouting).partitionBy(new Buckets(routing.buckets()))
                .mapPartitionsWithIndex(new BucketTask(shared), true).setName("one shard per bucket").collect());
        reports.sort(Comparator.comparingInt(report -> report.bucket));
        return reports;
    }

    private ShardMetadata metadata() {
        return ShardMetadata.of(codec.tokenizerFingerprint(), codec.templateFingerprint(), codec.vocabularySize(), options.maxLength(), options.packing(),
                options.dataSeed()).withRowForm(codec.rowForm());
    }

    /** Bucket number = partition number. */
    private static final class Buckets extends Partitioner {
        private static final long serialVersionUID = 1L;
        private final int count;

        Buckets(int count) {
            this.count = count;
        }

        @Override
        public int numPartitions() {
            return count;
        }

        @Override
        public int getPartition(Object key) {
            return (Integer) key;
        }
    }

    private PreparedData finish(PreparedDirectory directory, Routing routing, List<BucketReport> reports, long start) {
        List<BadRowReport> examples = examples(reports);
        if (options.strict() && !examples.isEmpty()) {
            directory.discard();
            throw new DatasetException("strict: the first bad row is " + examples.get(0) + "\n  Repair or remove it, or run without strict to drop bad rows");
        }
        List<ShardEntry> train = new ArrayList<>();
        List<ShardEntry> validation = new ArrayList<>();
        for (BucketReport report : reports) {
            if (report.shard != null) {
                (routing.isValidation(report.bucket) ? validation : train).add(report.shard);
            }
        }
        if (train.isEmpty() || routing.validation() != null && validation.isEmpty()) {
            directory.keepBadRows(reports);
            throw new DatasetException("no row of the " + (train.isEmpty() ? "training" : "validation") + " data could be used; all are in "
                    + directory.path() + "/" + PreparedData.BAD_ROWS + ". The first:\n    "
                    + String.join("\n    ", examples.stream().map(BadRowReport::toString).toList()));
        }
        ShardMetadata metadata = metadata();
        ShardManifest trainManifest = new ShardManifest(metadata, train);
        ShardManifest validationManifest = routing.validation() == null ? null : new ShardManifest(metadata, validation);
        PrepareSummary summary = summary(reports, examples, trainManifest, validationManifest, (System.nanoTime() - start) / 1e9);
        PreparedData data = directory.commit(trainManifest, validationManifest, reports, summary);
        if (summary.droppedRows() > 0) {
            LOG.warn("{} of {} rows were dropped; they are in {}/{}", summary.droppedRows(), summary.rows(), directory.path(), PreparedData.BAD_ROWS);
        }
        return data;
    }

    /** The first bad rows of each reason, training before validation, by position. */
    private static List<BadRowReport> examples(List<BucketReport> reports) {
        List<BadRowReport> all = new ArrayList<>();
        Map<String, Integer> shown = new LinkedHashMap<>();
        for (BucketReport report : reports) {
            for (BadRowReport row : report.examples) {
                if (shown.merge(row.reason(), 1, Integer::sum) <= BucketReport.EXAMPLES) {
                    all.add(row);
                }
            }
        }
        return all;
    }

    private static PrepareSummary summary(List<BucketReport> reports, List<BadRowReport> examples, ShardManifest train, ShardManifest validation,
                                          double wallSeconds) {
        Map<String, Long> dropped = new LinkedHashMap<>();
        EnumMap<Stage, Double> seconds = new EnumMap<>(Stage.class);
        LengthHistogram lengths = new LengthHistogram();
        long rows = 0;
        long kept = 0;
        long jsonBytes = 0;
        long text = 0;
        for (BucketReport report : reports) {
            report.dropped.forEach((reason, count) -> dropped.merge(reason, count, Long::sum));
            for (Stage stage : Stage.values()) {
                seconds.merge(stage, report.nanos[stage.ordinal()] / 1e9, Double::sum);
            }
            lengths.add(report.lengths);
            rows += report.rows;
            kept += report.kept;
            jsonBytes += report.jsonBytes;
            text += report.textCharacters;
        }
        return new PrepareSummary(rows, kept, dropped, examples, train.counts(), train.fill(),
                validation == null ? ShardCounts.ZERO : validation.counts(), lengths,
                train.shards().size() + (validation == null ? 0 : validation.shards().size()), seconds, wallSeconds, jsonBytes, text);
    }
}
