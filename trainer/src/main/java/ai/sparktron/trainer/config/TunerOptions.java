package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Which parameters are trained. */
@Concern(title = "Tuner", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record TunerOptions(
        @Option(value = "full", alias = "tuner_type", doc = "full: the model's own parameters; lora: low-rank additions to them, saved as an adapter that PEFT reads.",
                note = "Every tensor of the files has an addition of its own; Megatron-SWIFT's share one A between query, key and value, and between gate and up.")
        TrainType trainType,
        @Option(doc = "Beginnings of names of parameters that are not trained, Megatron's (decoder.layers.0.) or those of the model's files (model.layers.0.).")
        List<String> freezeParameters,
        @Option(doc = "Pattern of names of parameters that are not trained; a part of the name is enough.") Optional<String> freezeParametersRegex,
        @Option(value = "0", range = "[0,1]", doc = "Share of the parameters, from the embedding up, that is not trained.") double freezeParametersRatio,
        @Option(doc = "Beginnings of names of frozen parameters that are trained after all.") List<String> trainableParameters,
        @Option(doc = "Pattern of names of frozen parameters that are trained after all.") Optional<String> trainableParametersRegex,
        @Option(alias = "mcore_adapter", doc = "LoRA adapter to go on from: a run, one of its checkpoints, or any adapter that PEFT saved. What it says of rank, scale"
                + " and targets goes before the options; its args.json names the model where none is given.")
        Optional<String> adapterLoad,
        @Option(value = "all-linear", doc = "Modules that get LoRA: all-linear, all-embedding, all-router, or ends of names, Megatron's (linear_qkv linear_proj linear_fc1"
                + " linear_fc2) or those of the model's files (q_proj).")
        List<String> targetModules,
        @Option(doc = "Pattern of the whole names of modules that get LoRA; goes before target_modules.") Optional<String> targetRegex,
        @Option(doc = "Modules trained and saved whole beside LoRA, as word_embeddings output_layer or embed_tokens lm_head.") List<String> modulesToSave,
        @Option(value = "8", range = "[1,)", doc = "Rank of LoRA.") int loraRank,
        @Option(value = "32", range = "(0,)", doc = "Scale of LoRA: additions are multiplied by lora_alpha / lora_rank.") double loraAlpha,
        @Option(value = "0.05", range = "[0,1)", doc = "Share of an addition's input that is left out at random in training.",
                note = "What is left out follows from seed, sample and place, so it is the same on every grid.")
        double loraDropout,
        @Option(value = "none", of = {"none", "all"}, doc = "all: the model's biases are trained too.") String loraBias,
        @Option(value = "false", doc = "Scale by lora_alpha over the root of lora_rank.") boolean useRslora,
        @Option(of = {"float16", "bfloat16", "float32"}, doc = "Type in which an adapter is saved; absent: the model's.") Optional<String> loraDtype,
        @Option(value = "false", doc = "Write at every save also the model with the adapter in it, in the folder merged of the checkpoint.") boolean mergeLora) {

    /** What is trained. */
    public enum TrainType { FULL, LORA }

    public TunerOptions {
        freezeParameters = List.copyOf(freezeParameters);
        trainableParameters = List.copyOf(trainableParameters);
        targetModules = List.copyOf(targetModules);
        modulesToSave = List.copyOf(modulesToSave);
    }
}
