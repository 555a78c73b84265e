package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.spark.CachedData;
import ai.sparktron.pipeline.spark.ChatCodec;
import ai.sparktron.pipeline.spark.LabelledCodec;
import ai.sparktron.pipeline.spark.PairCodec;
import ai.sparktron.pipeline.spark.PreparedData;
import ai.sparktron.pipeline.spark.RowCodec;
import ai.sparktron.pipeline.spark.TokenizerBundle;
import ai.sparktron.pipeline.tokenize.TruncationStrategy;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.DataOptions;
import ai.sparktron.trainer.config.Options;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Where a run's rows are. Works without Spark.
 *
 * @param train      directories of training shards
 * @param validation directories of validation shards; empty when there is no evaluation
 * @param rows       training rows
 */
record TrainingShards(List<String> train, List<String> validation, long rows) {

    /** The shards that {@code cached_dataset} and {@code cached_val_dataset} name, checked against the run. */
    static TrainingShards named(Options options, RunFolders folders, CachedData cached, RowCodec codec) {
        List<PreparedData> train = new ArrayList<>();
        for (String directory : options.data().cachedDataset()) {
            train.add(cached.open(directory, codec, folders.rowLength(options)));
        }
        List<PreparedData> validation = new ArrayList<>();
        for (String directory : options.data().cachedValDataset()) {
            validation.add(cached.open(directory, codec, folders.rowLength(options)));
        }
        return of(train, validation);
    }

    /** @param validation besides the validation rows that {@code train} brings along */
    static TrainingShards of(List<PreparedData> train, List<PreparedData> validation) {
        List<String> validationDirectories = new ArrayList<>();
        train.stream().map(PreparedData::validationDirectory).filter(directory -> directory != null).forEach(validationDirectories::add);
        validation.stream().map(PreparedData::trainDirectory).forEach(validationDirectories::add);
        long rows = train.stream().mapToLong(data -> data.train().counts().rows()).sum();
        return new TrainingShards(train.stream().map(PreparedData::trainDirectory).toList(), validationDirectories, rows);
    }

    /** Template, then tokens, by the options; the tokenizer must fit the model. */
    static RowCodec codec(Options options, RunFolders folders, Console console) throws IOException {
        TokenizerBundle tokenizer = TokenizerBundle.of(folders.tokenizer(), options.model().newSpecialTokens());
        folders.requireVocabulary(tokenizer.file().tokenizer().size());
        ChatFormat format = ChatFormat.of(options, folders.model(), folders.tokenizer());
        DataOptions data = options.data();
        console.out().println("template " + format.template().name() + ", at most " + folders.maxLength(options) + " tokens a sample");
        ChatCodec codec = new ChatCodec(tokenizer, format.template(), format.options(),
                new ChatCodec.Rows(columns(options), data.modelName(), data.modelAuthor(), data.dataSeed()), folders.maxLength(options),
                TruncationStrategy.valueOf(options.template().truncationStrategy().toUpperCase(Locale.ROOT)));
        if (!options.trainsOnPairs()) {
            return codec;
        }
        return options.rlhfType().equals("kto") ? new LabelledCodec(codec) : new PairCodec(codec);
    }

    /** {@code --columns} as names. */
    static Map<String, String> columns(Options options) {
        try {
            return new ObjectMapper().readValue(options.data().columns(), new TypeReference<Map<String, String>>() { });
        } catch (JsonProcessingException e) {
            throw new ConfigurationException("--columns " + options.data().columns() + ": JSON that maps column names to column names is expected");
        }
    }
}
