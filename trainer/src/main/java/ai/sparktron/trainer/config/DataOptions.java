package ai.sparktron.trainer.config;

import java.util.List;

/** Where rows come from. */
@Concern(title = "Data", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PREPARE, Command.INFER, Command.EXPORT, Command.PLAN})
public record DataOptions(
        @Option(doc = "Sources: a file or folder (jsonl, json, csv, parquet, txt), table:name, HF::id or MS::id; each with optional :subset and #rows.")
        List<String> dataset,
        @Option(doc = "Sources of the validation set.") List<String> valDataset,
        @Option(alias = "cached_datasets", doc = "Directories of shards that prepare made; used instead of dataset.") List<String> cachedDataset,
        @Option(doc = "Directories of shards for validation.") List<String> cachedValDataset,
        @Option(value = "0", range = "[0,1)", doc = "Share of dataset split off for validation.") double splitDatasetRatio,
        @Option(value = "42", doc = "Seeds sampling, splitting and shuffling of rows.") long dataSeed,
        @Option(value = "true", doc = "Shuffle the rows of dataset.") boolean datasetShuffle,
        @Option(value = "false", doc = "Shuffle the rows of val_dataset.") boolean valDatasetShuffle,
        @Option(range = "(0,1]", doc = "Probabilities by which rows of several sources are mixed; absent: one source after another.") List<Double> interleaveProb,
        @Option(value = "first_exhausted", of = {"first_exhausted", "all_exhausted"}, doc = "When mixing ends.") String stoppingStrategy,
        @Option(syntax = "object", value = "{}", doc = "Columns to rename, as JSON: {\"old\": \"new\"}.") String columns,
        @Option(value = "false", doc = "A bad row is an error instead of being set aside and counted.") boolean strict,
        @Option(value = "true", status = Status.NO_MEANING, doc = "Drop columns that no row form knows.", note = "Shards hold tokens only.")
        boolean removeUnusedColumns,
        @Option(doc = "Name that replaces {{NAME}} in self-cognition rows; two values: Chinese, English.") List<String> modelName,
        @Option(doc = "Author that replaces {{AUTHOR}} in self-cognition rows; two values: Chinese, English.") List<String> modelAuthor,
        @Option(status = Status.PLANNED, doc = "JSON files that register data sets.") List<String> customDatasetInfo,
        @Option(value = "1", range = "[1,)", status = Status.NO_MEANING, doc = "Processes that tokenise.",
                note = "Spark uses all cores of master.")
        int datasetNumProc,
        @Option(value = "true", doc = "Reuse shards that were prepared before with the same data, tokenizer and options.") boolean loadFromCacheFile,
        @Option(value = "false", status = Status.PLANNED, doc = "Read rows while training.") boolean streaming,
        @Option(value = "1000", range = "[1,)", status = Status.PLANNED, doc = "Rows of the shuffle buffer when streaming.") int shuffleBufferSize,
        @Option(value = "false", status = Status.NO_MEANING, doc = "Tokenise while training.", note = "Spark tokenises before training and keeps the shards.")
        boolean lazyTokenize) {

    public DataOptions {
        dataset = List.copyOf(dataset);
        valDataset = List.copyOf(valDataset);
        cachedDataset = List.copyOf(cachedDataset);
        cachedValDataset = List.copyOf(cachedValDataset);
        interleaveProb = List.copyOf(interleaveProb);
        modelName = List.copyOf(modelName);
        modelAuthor = List.copyOf(modelAuthor);
        customDatasetInfo = List.copyOf(customDatasetInfo);
    }
}
