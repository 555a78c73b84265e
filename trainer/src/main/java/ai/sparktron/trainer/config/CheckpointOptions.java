package ai.sparktron.trainer.config;

import java.util.Optional;

/** Where a run is saved, how often, and what it starts from. */
@Concern(title = "Checkpoint", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record CheckpointOptions(
        @Option(alias = "output_dir", doc = "Directory of the run; absent: megatron_output/<name of the model>.")
        Optional<String> save,
        @Option(value = "true", doc = "Make a directory v<n>-<time> of its own under save for each run.")
        boolean addVersion,
        @Option(value = "500", range = "[1,)", alias = "save_steps", doc = "Steps between saves; the end of the run is always saved.")
        long saveInterval,
        @Option(range = "[1,)", doc = "Keep this many newest checkpoints; absent: keep all.")
        Optional<Integer> saveTotalLimit,
        @Option(value = "steps", of = {"steps", "epoch"}, planned = "epoch", doc = "When to save.")
        String saveStrategy,
        @Option(value = "true", doc = "Write every save also in Hugging Face layout.")
        boolean saveSafetensors,
        @Option(value = "5GB", syntax = "bytes", doc = "Largest safetensors file, as in 500MB or 5GB.")
        String maxShardSize,
        @Option(value = "false", doc = "Leave the optimizer state out of checkpoints; such a run cannot be resumed exactly.")
        boolean noSaveOptim,
        @Option(value = "false", status = Status.NO_MEANING, note = "There are none: order and dropout follow from seed and step.",
                doc = "Leave the states of random generators out of checkpoints.")
        boolean noSaveRng,
        @Option(alias = "mcore_model", doc = "Training checkpoint to start from: a run directory or one of its iterations.")
        Optional<String> load,
        @Option(value = "false", doc = "Do not read the optimizer state.")
        boolean noLoadOptim,
        @Option(value = "false", status = Status.NO_MEANING, note = "There are none: order and dropout follow from seed and step.",
                doc = "Do not read the states of random generators.")
        boolean noLoadRng,
        @Option(value = "true", doc = "true: take only the weights of load and start at step 0; false: resume exactly where it stopped.",
                note = "Megatron-SWIFT's first version had false, which made converted checkpoints start at step 1; later versions have true.")
        boolean finetune,
        @Option(value = "torch_dist", of = {"torch", "torch_dist", "zarr"}, planned = {"torch", "zarr"},
                doc = "Form of training checkpoints.",
                note = "Checkpoints are Sparktron's own sharded form, which like torch_dist loads on any grid.")
        String ckptFormat,
        @Option(value = "true", inverse = "perform_initialization",
                doc = "Weights come from model or load. false (perform_initialization true): draw them from config.json's initializer_range.")
        boolean noInitialization,
        @Option(value = "false", status = Status.NO_MEANING, doc = "Build the weights on the CPU.",
                note = "Weights are read tensor by tensor into place.")
        boolean useCpuInitialization,
        @Option(value = "true", status = Status.NO_MEANING, doc = "Recognise the form of a checkpoint.",
                note = "Every file names its format and version.")
        boolean autoDetectCkptFormat,
        @Option(value = "true", status = Status.NO_MEANING, doc = "Stop when load is missing or empty.",
                note = "A missing checkpoint is always an error.")
        boolean exitOnMissingCheckpoint,
        @Option(value = "false", status = Status.PLANNED, doc = "Save in the background.")
        boolean asyncSave) {

    /** max_shard_size in bytes. */
    public long maxShardBytes() {
        return ByteSize.parse(maxShardSize);
    }
}
