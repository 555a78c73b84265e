package ai.sparktron.jobs.cli;

import ai.sparktron.packing.bin.Packing;
import ai.sparktron.pipeline.spark.CachedData;
import ai.sparktron.pipeline.spark.HubAccess;
import ai.sparktron.pipeline.spark.PrepareJob;
import ai.sparktron.pipeline.spark.PreparedData;
import ai.sparktron.pipeline.spark.RowCodec;
import ai.sparktron.pipeline.spark.StoppingStrategy;
import ai.sparktron.trainer.config.DataOptions;
import ai.sparktron.trainer.config.Options;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;

/** Rows to shards, by the options of a command. */
final class DataPreparation {

    private final Options options;
    private final RunFolders folders;
    private final SparkSession session;
    private final Console console;

    DataPreparation(Options options, RunFolders folders, SparkSession session, Console console) {
        this.options = options;
        this.folders = folders;
        this.session = session;
        this.console = console;
    }

    /** Shards of a training run: those that are named, those made before under {@code save}, or new ones there. */
    TrainingShards forTraining() throws IOException {
        RowCodec codec = TrainingShards.codec(options, folders, console);
        if (options.data().cachedDataset().isEmpty()) {
            String cache = options.derived().save().toAbsolutePath().resolve("shards").toString();
            return TrainingShards.of(List.of(prepare(codec, PrepareJob.builder(job(), codec).cache(cache))), List.of());
        }
        return TrainingShards.named(options, folders, CachedData.on(session.sparkContext().hadoopConfiguration()), codec);
    }

    /** Shards in {@code output_dir}, for later runs. */
    PreparedData forLater() throws IOException {
        RowCodec codec = TrainingShards.codec(options, folders, console);
        return prepare(codec, PrepareJob.builder(job(), codec).output(options.prepare().outputDir().orElseThrow()));
    }

    private PreparedData prepare(RowCodec codec, PrepareJob.Builder builder) {
        PreparedData data = builder.hubs(hubs(options)).build().run(session);
        data.summary().ifPresentOrElse(console.out()::print, () -> console.out().println("data prepared before is used: " + data.trainDirectory()));
        return data;
    }

    private ai.sparktron.pipeline.spark.PrepareOptions job() {
        DataOptions data = options.data();
        return new ai.sparktron.pipeline.spark.PrepareOptions(data.dataset(), data.valDataset(), data.splitDatasetRatio(), data.datasetShuffle(),
                data.valDatasetShuffle(), data.dataSeed(), data.interleaveProb(), StoppingStrategy.valueOf(data.stoppingStrategy().toUpperCase(Locale.ROOT)),
                data.strict(), packing(), folders.rowLength(options),
                ai.sparktron.pipeline.spark.PrepareOptions.DEFAULT_SHARD_BYTES, data.loadFromCacheFile());
    }

    private Packing packing() {
        if (!options.packing().packing()) {
            return Packing.NONE;
        }
        return options.packing().packingStrategy().equals("sequential") ? Packing.SEQUENTIAL : Packing.BEST_FIT;
    }

    /** The hubs of data set ids, by the options. */
    static HubAccess hubs(Options options) {
        return HubAccess.of(System.getenv(), Path.of(System.getProperty("user.home")), options.model().hubToken().orElse(null),
                options.model().useHf() ? HubAccess.Preferred.HUGGING_FACE : HubAccess.Preferred.MODELSCOPE);
    }
}
