package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Training on preferences. */
@Concern(title = "Preferences", commands = {Command.RLHF})
public record PreferenceOptions(
        @Option(value = "dpo", of = {"dpo", "kto", "rm", "grpo", "gkd"}, planned = {"grpo", "gkd"},
                doc = "Kind of training: dpo, on pairs of a chosen and a rejected answer; kto, on single answers with a label true or false; rm, of a model that"
                        + " gives answers rewards, on pairs.")
        String rlhfType,
        @Option(alias = "mcore_ref_model", doc = "Reference: a directory in Hugging Face layout, or a run or checkpoint of ours; absent: the weights that the run begins with. LoRA"
                + " without it has its base as reference, which costs no memory.") Optional<String> refLoad,
        @Option(value = "0.1", range = "(0,)", doc = "How far the policy may leave the reference: the smaller, the farther.") double beta,
        @Option(range = "[0,)", doc = "Weight of the chosen answer's own loss; absent or 0: none.",
                note = "Megatron-SWIFT's first version added it with weight 1 unasked; later versions and we do not.")
        Optional<Double> rpoAlpha,
        @Option(value = "false", doc = "Leave the reference out.") boolean referenceFree,
        @Option(value = "0", range = "[0,0.5)", doc = "Share of preferences taken to be the wrong way round.") double labelSmoothing,
        @Option(value = "reverse_kl", of = {"reverse_kl", "js_divergence", "alpha_divergence"}, doc = "Distance from the reference that margins are made of.")
        String fDivergenceType,
        @Option(of = {"sigmoid", "robust", "hinge", "ipo", "exo_pair", "nca_pair", "sppo_hard", "apo_zero", "apo_down", "aot", "aot_pair", "kto", "apo_zero_unpaired"},
                doc = "Losses of a pair, added up, or under kto the loss of an answer, kto or apo_zero_unpaired; absent: sigmoid, or kto.",
                note = "aot and aot_pair compare the pairs of a micro-batch, so they depend on micro_batch_size.")
        List<String> lossType,
        @Option(value = "1", range = "[0,)", doc = "kto: weight of answers with label true, against unequal numbers of both.") double desirableWeight,
        @Option(value = "1", range = "[0,)", doc = "kto: weight of answers with label false.") double undesirableWeight,
        @Option(alias = "calculate_KL", doc = "kto: measure how far the policy is from the reference on answers to other prompts; absent: where the loss uses it.",
                note = "The mean is over the whole global batch, so that it does not depend on micro_batch_size and the grid.") Optional<Boolean> calculateKl,
        @Option(range = "[0,)", doc = "rm: weight of the squared sum of a pair's rewards, which keeps them near 0; 0.01 is usual, absent: 0.")
        Optional<Double> centerRewardsCoefficient) {

    public PreferenceOptions {
        lossType = List.copyOf(lossType);
    }

    /** The losses in force. */
    public List<String> losses() {
        return !lossType.isEmpty() ? lossType : List.of(rlhfType.equals("kto") ? "kto" : "sigmoid");
    }

    /** Whether the policy's distance from the reference is measured on answers to other prompts. */
    public boolean measuresDivergence() {
        return calculateKl.orElse(losses().contains("kto"));
    }
}
