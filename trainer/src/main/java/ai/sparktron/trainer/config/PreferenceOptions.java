package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Training on preferences. */
@Concern(title = "Preferences", commands = {Command.RLHF})
public record PreferenceOptions(
        @Option(value = "dpo", of = {"dpo", "kto", "rm", "grpo", "gkd"}, planned = {"kto", "rm", "grpo", "gkd"}, status = Status.PLANNED, doc = "Kind of training.")
        String rlhfType,
        @Option(status = Status.PLANNED, alias = "mcore_ref_model", doc = "Reference weights; absent: load, or model.") Optional<String> refLoad,
        @Option(value = "0.1", range = "(0,)", status = Status.PLANNED, doc = "How far the policy may leave the reference.") double beta,
        @Option(range = "[0,)", status = Status.PLANNED, doc = "Weight of the chosen answer's own loss; absent or 0: none.",
                note = "Megatron-SWIFT's first version added it with weight 1 unasked; later versions and we do not.")
        Optional<Double> rpoAlpha,
        @Option(value = "false", status = Status.PLANNED, doc = "Leave the reference out.") boolean referenceFree,
        @Option(value = "0", range = "[0,0.5)", status = Status.PLANNED, doc = "Share of preferences taken to be the wrong way round.") double labelSmoothing,
        @Option(value = "reverse_kl", of = {"reverse_kl", "js_divergence", "alpha_divergence"}, status = Status.PLANNED, doc = "Measure of distance.")
        String fDivergenceType,
        @Option(value = "sigmoid", of = {"sigmoid", "robust", "hinge", "ipo", "exo_pair", "nca_pair", "sppo_hard", "apo_zero", "apo_down", "aot", "aot_pair"},
                status = Status.PLANNED, doc = "Loss of a pair.")
        List<String> lossType) {

    public PreferenceOptions {
        lossType = List.copyOf(lossType);
    }
}
