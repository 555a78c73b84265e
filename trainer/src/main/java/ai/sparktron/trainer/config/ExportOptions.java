package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Conversion. */
@Concern(title = "Export", commands = {Command.EXPORT})
public record ExportOptions(
        @Option(value = "false", doc = "Hugging Face layout to a training checkpoint.") boolean toMcore,
        @Option(value = "false", doc = "Training checkpoint to Hugging Face layout.") boolean toHf,
        @Option(value = "false", status = Status.PLANNED, doc = "Tokenise data; use the prepare command.") boolean toCachedDataset,
        @Option(alias = "load", doc = "Training checkpoint to convert.") Optional<String> mcoreModel,
        @Option(alias = {"mcore_adapters", "mcore_adapter"}, doc = "LoRA adapter: a run, one of its checkpoints, or any adapter that PEFT saved.",
                note = "A list in Megatron-SWIFT's spelling; one is taken.")
        List<String> adapters,
        @Option(value = "false", doc = "Add the adapter to the weights and write the whole model; false: to_hf writes the adapter alone.") boolean mergeLora,
        @Option(doc = "Where the result goes; absent: <source>-mcore, <source>-hf or <source>-merged.") Optional<String> outputDir,
        @Option(value = "false", doc = "Write into a directory that exists.") boolean existOk,
        @Option(value = "false", doc = "Run both forms on the same tokens, print how far they are apart, and fail past the bound that is printed.") boolean testConvertPrecision,
        @Option(range = "[1,)", status = Status.NO_MEANING, doc = "Files of the checkpoint.", note = "Tensors are written one by one; max_shard_size bounds the files.")
        Optional<Integer> threadCount,
        @Option(alias = "dtype", of = {"float32", "bfloat16", "float16"}, doc = "Type of the written weights; absent: config.json's.")
        Optional<String> torchDtype,
        @Option(value = "5GB", syntax = "bytes", doc = "Largest safetensors file.") String maxShardSize,
        @Option(value = "true", status = Status.PLANNED, doc = "Write safetensors; nothing else is written.") boolean safeSerialization) {

    public ExportOptions {
        adapters = List.copyOf(adapters);
    }

    /** max_shard_size in bytes. */
    public long maxShardBytes() {
        return ByteSize.parse(maxShardSize);
    }
}
