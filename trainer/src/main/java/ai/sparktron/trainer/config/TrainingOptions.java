package ai.sparktron.trainer.config;

import java.util.Optional;

/**
 * How many samples a step takes and how many steps a run has. A sample is one packed row when packing, else one row of the data set.
 */
@Concern(title = "Training", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record TrainingOptions(
        @Option(value = "1", range = "[1,)", alias = "per_device_train_batch_size",
                doc = "Samples of one forward on one data-parallel rank; with packing a sample is one packed row.")
        int microBatchSize,
        @Option(value = "16", range = "[1,)",
                doc = "Samples of one optimizer step; a multiple of micro_batch_size x data-parallel size.")
        int globalBatchSize,
        @Option(range = "[1,)", doc = "Optimizer steps of the run; or give max_epochs.")
        Optional<Long> trainIters,
        @Option(range = "[1,)", alias = "num_train_epochs", doc = "Passes over the data; computes train_iters.")
        Optional<Long> maxEpochs,
        @Option(value = "true", rlhfValue = "false",
                doc = "Divide the summed loss by the trained tokens of the whole global batch, not by micro-batch.")
        boolean calculatePerTokenLoss,
        @Option(value = "42", doc = "Seeds initialisation, dropout and the order of samples.")
        long seed,
        @Option(range = "[1,)", doc = "Sequence length of one row; absent: max_length (packing_length when packing).",
                note = "Give max_length; this name is kept for Megatron's scripts and must then be equal to it.")
        Optional<Integer> seqLength,
        @Option(syntax = "object", alias = "megatron_extra_kwargs", status = Status.PLANNED,
                doc = "JSON of further Megatron flags; may override config.json.")
        Optional<String> extraMegatronKwargs) {
}
