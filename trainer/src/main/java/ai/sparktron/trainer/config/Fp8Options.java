package ai.sparktron.trainer.config;

import java.util.Optional;

/** Products in eight-bit floating point. */
@Concern(title = "FP8", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record Fp8Options(
        @Option(of = {"e4m3", "hybrid"}, doc = "Linears of the layers multiply in eight bits: e4m3 throughout, or hybrid with e5m2 for gradients.")
        Optional<String> fp8Format,
        @Option(value = "delayed", of = {"tensorwise", "delayed", "mxfp8", "blockwise"}, doc = "How scales are chosen; mxfp8 needs Blackwell and is refused.")
        String fp8Recipe,
        @Option(value = "1024", range = "[1,)", doc = "Steps of history under delayed scaling.")
        int fp8AmaxHistoryLen,
        @Option(value = "max", of = {"most_recent", "max"}, doc = "What is taken from the history.")
        String fp8AmaxComputeAlgo,
        @Option(value = "false", status = Status.PLANNED, doc = "Keep and gather parameters in eight bits.")
        boolean fp8ParamGather) {
}
