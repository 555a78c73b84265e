package ai.sparktron.trainer.config;

import java.util.Optional;

/** Products in eight-bit floating point. */
@Concern(title = "FP8", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record Fp8Options(
        @Option(of = {"e4m3", "hybrid"}, status = Status.PLANNED, doc = "e4m3 throughout, or hybrid with e5m2 in backward.")
        Optional<String> fp8Format,
        @Option(value = "delayed", of = {"tensorwise", "delayed", "mxfp8", "blockwise"}, status = Status.PLANNED, doc = "How scales are chosen.")
        String fp8Recipe,
        @Option(value = "1024", range = "[1,)", status = Status.PLANNED, doc = "Steps of history under delayed scaling.")
        int fp8AmaxHistoryLen,
        @Option(value = "max", of = {"most_recent", "max"}, status = Status.PLANNED, doc = "What is taken from the history.")
        String fp8AmaxComputeAlgo,
        @Option(value = "false", status = Status.PLANNED, doc = "Keep and gather parameters in eight bits.")
        boolean fp8ParamGather) {
}
