package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Which parameters are trained. */
@Concern(title = "Tuner", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record TunerOptions(
        @Option(value = "full", alias = "tuner_type", planned = "lora", doc = "full: all parameters; lora: low-rank additions.")
        TrainType trainType,
        @Option(status = Status.PLANNED, doc = "Prefixes of parameter names that are not trained.") List<String> freezeParameters,
        @Option(status = Status.PLANNED, doc = "Pattern of parameter names that are not trained.") Optional<String> freezeParametersRegex,
        @Option(value = "0", range = "[0,1]", status = Status.PLANNED, doc = "Share of the parameters, from the bottom, that is not trained.")
        double freezeParametersRatio,
        @Option(status = Status.PLANNED, doc = "Prefixes of frozen parameters that are trained after all.") List<String> trainableParameters,
        @Option(status = Status.PLANNED, doc = "Pattern of frozen parameters that are trained after all.") Optional<String> trainableParametersRegex,
        @Option(status = Status.PLANNED, alias = "mcore_adapter", doc = "LoRA checkpoint to go on from.") Optional<String> adapterLoad,
        @Option(value = "all-linear", status = Status.PLANNED, doc = "Modules that get LoRA: linear_qkv linear_proj linear_fc1 linear_fc2, all-linear, all-embedding, all-router.")
        List<String> targetModules,
        @Option(status = Status.PLANNED, doc = "Pattern of modules that get LoRA; goes before target_modules.") Optional<String> targetRegex,
        @Option(status = Status.PLANNED, doc = "Modules trained and saved whole beside LoRA.") List<String> modulesToSave,
        @Option(value = "8", range = "[1,)", status = Status.PLANNED, doc = "Rank of LoRA.") int loraRank,
        @Option(value = "32", range = "(0,)", status = Status.PLANNED, doc = "Scale of LoRA.") double loraAlpha,
        @Option(value = "0.05", range = "[0,1)", status = Status.PLANNED, doc = "Dropout before LoRA.") double loraDropout,
        @Option(value = "none", of = {"none", "all"}, status = Status.PLANNED, doc = "Biases trained with LoRA.") String loraBias,
        @Option(value = "false", status = Status.PLANNED, doc = "Scale by lora_alpha over the root of lora_rank.") boolean useRslora,
        @Option(of = {"float16", "bfloat16", "float32"}, status = Status.PLANNED, doc = "Type of LoRA's weights.") Optional<String> loraDtype) {

    /** What is trained. */
    public enum TrainType { FULL, LORA }

    public TunerOptions {
        freezeParameters = List.copyOf(freezeParameters);
        trainableParameters = List.copyOf(trainableParameters);
        targetModules = List.copyOf(targetModules);
        modulesToSave = List.copyOf(modulesToSave);
    }
}
