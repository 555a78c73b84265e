package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.cli.Training.TrainingData;
import ai.sparktron.packing.bin.Packing;
import ai.sparktron.pipeline.spark.CachedData;
import ai.sparktron.pipeline.spark.ChatCodec;
import ai.sparktron.pipeline.spark.HubAccess;
import ai.sparktron.pipeline.spark.PrepareJob;
import ai.sparktron.pipeline.spark.PreparedData;
import ai.sparktron.pipeline.spark.RowCodec;
import ai.sparktron.pipeline.spark.StoppingStrategy;
import ai.sparktron.pipeline.spark.TokenizerBundle;
import ai.sparktron.pipeline.tokenize.TruncationStrategy;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.DataOptions;
import ai.sparktron.trainer.config.Options;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
    TrainingData forTraining() throws IOException {
        RowCodec codec = codec();
        if (options.data().cachedDataset().isEmpty()) {
            String cache = options.derived().save().toAbsolutePath().resolve("shards").toString();
            return trainingData(List.of(prepare(codec, PrepareJob.builder(job(), codec).cache(cache))), List.of());
        }
        CachedData cached = new CachedData(session.sparkContext().hadoopConfiguration());
        List<PreparedData> train = new ArrayList<>();
        for (String directory : options.data().cachedDataset()) {
            train.add(cached.open(directory, codec, folders.rowLength(options)));
        }
        List<PreparedData> validation = new ArrayList<>();
        for (String directory : options.data().cachedValDataset()) {
            validation.add(cached.open(directory, codec, folders.rowLength(options)));
        }
        return trainingData(train, validation);
    }

    /** Shards in {@code output_dir}, for later runs. */
    PreparedData forLater() throws IOException {
        RowCodec codec = codec();
        return prepare(codec, PrepareJob.builder(job(), codec).output(options.prepare().outputDir().orElseThrow()));
    }

    private PreparedData prepare(RowCodec codec, PrepareJob.Builder builder) {
        PreparedData data = builder.hubs(hubs(options)).build().run(session);
        data.summary().ifPresentOrElse(console.out()::print, () -> console.out().println("data prepared before is used: " + data.trainDirectory()));
        return data;
    }

    private static TrainingData trainingData(List<PreparedData> train, List<PreparedData> validation) {
        List<String> validationDirectories = new ArrayList<>();
        train.stream().map(PreparedData::validationDirectory).filter(directory -> directory != null).forEach(validationDirectories::add);
        validation.stream().map(PreparedData::trainDirectory).forEach(validationDirectories::add);
        long rows = train.stream().mapToLong(data -> data.train().counts().rows()).sum();
        return new TrainingData(train.stream().map(PreparedData::trainDirectory).toList(), validationDirectories, rows);
    }

    private ai.sparktron.pipeline.spark.PrepareOptions job() {
        DataOptions data = options.data();
        return new ai.sparktron.pipeline.spark.PrepareOptions(data.dataset(), data.valDataset(), data.splitDatasetRatio(), data.datasetShuffle(),
                data.valDatasetShuffle(), data.dataSeed(), data.interleaveProb(), StoppingStrategy.valueOf(data.stoppingStrategy().toUpperCase(Locale.ROOT)),
                data.strict(), packing(), folders.rowLength(options),
                ai.sparktron.pipeline.spark.PrepareOptions.DEFAULT_SHARD_BYTES, data.loadFromCacheFile());
    }

    /** Template, then tokens, by the options; the tokenizer must fit the model. */
    private RowCodec codec() throws IOException {
        TokenizerBundle tokenizer = TokenizerBundle.of(folders.tokenizer(), options.model().newSpecialTokens());
        folders.requireVocabulary(tokenizer.file().tokenizer().size());
        ChatFormat format = ChatFormat.of(options, folders.model(), folders.tokenizer());
        DataOptions data = options.data();
        console.out().println("template " + format.template().name() + ", at most " + folders.maxLength(options) + " tokens a sample");
        return new ChatCodec(tokenizer, format.template(), format.options(),
                new ChatCodec.Rows(columns(options), data.modelName(), data.modelAuthor(), data.dataSeed()), folders.maxLength(options),
                TruncationStrategy.valueOf(options.template().truncationStrategy().toUpperCase(Locale.ROOT)));
    }

    /** {@code --columns} as names. */
    static Map<String, String> columns(Options options) {
        try {
            return new ObjectMapper().readValue(options.data().columns(), new TypeReference<Map<String, String>>() { });
        } catch (JsonProcessingException e) {
            throw new ConfigurationException("--columns " + options.data().columns() + ": JSON that maps column names to column names is expected");
        }
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
