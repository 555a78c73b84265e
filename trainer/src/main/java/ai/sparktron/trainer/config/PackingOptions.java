package ai.sparktron.trainer.config;

import java.util.Optional;

/** How samples become rows. */
@Concern(title = "Packing", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PREPARE, Command.PLAN})
public record PackingOptions(
        @Option(value = "false", doc = "Pack several samples into each row of packing_length tokens.") boolean packing,
        @Option(range = "[1,)", doc = "Tokens of a packed row; absent: max_length, or twice that for pairs of answers.") Optional<Integer> packingLength,
        @Option(value = "binpack", of = {"binpack", "sequential"}, doc = "binpack: best fit, longest first; sequential: in order, a new row when the next sample does not fit.") String packingStrategy,
        @Option(value = "1", range = "[1,)", status = Status.NO_MEANING, doc = "Processes that pack.", note = "Each Spark partition packs its own rows.")
        int packingNumProc,
        @Option(status = Status.NO_MEANING, doc = "Shared folder of the packing index.", note = "There is no shared index; rows are in the shards.")
        Optional<String> packingCache,
        @Option(value = "true", status = Status.PLANNED, doc = "Concatenate the samples of a micro-batch instead of padding them.",
                note = "Padded batches are never built; attention never crosses a sample.")
        boolean paddingFree,
        @Option(value = "false", status = Status.PLANNED, doc = "Leave padding out of the feed-forward part; only with padding_free false.")
        boolean mlpPaddingFree) {
}
