package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Generation of answers. Sampling options that are absent come from generation_config.json. */
@Concern(title = "Generation", commands = {Command.INFER})
public record InferOptions(
        @Option(value = "true", doc = "Print tokens as they come.") boolean stream,
        @Option(range = "[0,)", doc = "0: always the likeliest token; higher: more varied.") Optional<Double> temperature,
        @Option(range = "(0,1]", doc = "Draw from the likeliest tokens that hold this share of probability.") Optional<Double> topP,
        @Option(range = "[0,)", doc = "Draw from this many likeliest tokens; 0: from all.") Optional<Integer> topK,
        @Option(range = "(0,)", doc = "Above 1: repeat less.") Optional<Double> repetitionPenalty,
        @Option(value = "2048", range = "[1,)", doc = "Most tokens of an answer.") int maxNewTokens,
        @Option(value = "42", doc = "Seeds the drawing of tokens.") long seed,
        @Option(doc = "JSON-lines file for the answers to val_dataset.") Optional<String> resultPath,
        @Option(value = "1", range = "[1,64]", doc = "Rows of val_dataset answered together: more answers in the same time, each the same up to rounding; caches take memory for so many.")
        int maxBatchSize,
        @Option(of = {"acc", "rouge"}, status = Status.PLANNED, doc = "Measure over val_dataset.") Optional<String> metric,
        @Option(doc = "LoRA adapter: a run, one of its checkpoints, or any adapter that PEFT saved. Its args.json names model and template where none is given.",
                note = "A list in Megatron-SWIFT's spelling; one is taken.")
        List<String> adapters,
        @Option(value = "false", doc = "Add the adapter to the weights when they are loaded: faster, and answers differ by rounding.") boolean mergeLora,
        @Option(value = "true", doc = "Take template and system from the model directory's args.json.") boolean loadArgs,
        @Option(value = "local", planned = "transformer_engine", doc = "On GPUs, local: the kernels of a token are recorded once and enqueued together from then on; none: one by one.")
        Graphs cudaGraphImpl,
        @Option(value = "pt", of = {"pt", "vllm", "sglang", "lmdeploy"}, planned = {"vllm", "sglang", "lmdeploy"}, doc = "Generation engine; pt names the built-in one.")
        String inferBackend) {

    /** Ways to enqueue what every token repeats. */
    public enum Graphs { NONE, LOCAL, TRANSFORMER_ENGINE }

    public InferOptions {
        adapters = List.copyOf(adapters);
    }
}
