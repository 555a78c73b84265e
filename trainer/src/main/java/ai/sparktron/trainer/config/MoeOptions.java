package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Mixture of experts. */
@Concern(title = "Mixture of experts", commands = {Command.PT, Command.SFT, Command.RLHF, Command.EXPORT, Command.VERIFY, Command.PLAN})
public record MoeOptions(
        @Option(value = "1", range = "[1,)", alias = "ep_size", doc = "Ranks that share the experts (EP).")
        int expertModelParallelSize,
        @Option(value = "1", range = "[1,)", alias = "etp_size", doc = "Ranks that share each expert's weights (ETP).")
        int expertTensorParallelSize,
        @Option(range = "[1,)", doc = "Experts of a layer; absent: from config.json.")
        Optional<Integer> numExperts,
        @Option(doc = "Which layers have experts: every n-th, or a list as in [0]*3+[1]*58.", note = "config.json decides; it must be the model's.")
        Optional<String> moeLayerFreq,
        @Option(range = "[1,)", doc = "Inner width of an expert.")
        Optional<Integer> moeFfnHiddenSize,
        @Option(range = "[1,)", doc = "Inner width of the shared experts together.")
        Optional<Integer> moeSharedExpertIntermediateSize,
        @Option(range = "[1,)", doc = "Experts of a token; absent: from config.json.")
        Optional<Integer> moeRouterTopk,
        @Option(doc = "Softmax before choosing experts, and no division by the sum of the chosen.", note = "config.json decides (norm_topk_prob false); it must be the model's.")
        Optional<Boolean> moeRouterPreSoftmax,
        @Option(value = "fp32", of = {"fp32", "fp64", "none"}, doc = "What routing computes in: sums of the logits in float32, or products and sums in float64; none rounds logits and"
                        + " weights to the stream's type.")
        String moeRouterDtype,
        @Option(of = {"softmax", "sigmoid"}, doc = "Score of the router.", note = "The family decides; it must be the model's.")
        Optional<String> moeRouterScoreFunction,
        @Option(value = "1e-3", range = "[0,)", doc = "Step of the biases that choose experts, towards experts with fewer tokens, after each training step.")
        double moeRouterBiasUpdateRate,
        @Option(doc = "Move the biases that choose experts; absent: where the model has them. They choose either way.")
        Optional<Boolean> moeRouterEnableExpertBias,
        @Option(doc = "Scale of the routing weights.")
        Optional<Double> moeRouterTopkScalingFactor,
        @Option(range = "[1,)", doc = "Groups of experts for group-limited routing.")
        Optional<Integer> moeRouterNumGroups,
        @Option(range = "[1,)", doc = "Groups a token may choose from.")
        Optional<Integer> moeRouterGroupTopk,
        @Option(of = {"aux_loss", "seq_aux_loss", "global_aux_loss", "sinkhorn", "none"}, planned = "global_aux_loss",
                doc = "Balancing of experts: a loss over each micro-batch (aux_loss) or over each of its documents (seq_aux_loss), or choosing by Sinkhorn's iteration; absent:"
                        + " seq_aux_loss with latent attention, else aux_loss.")
        List<String> moeRouterLoadBalancingType,
        @Option(value = "alltoall", of = {"alltoall", "allgather", "flex", "alltoall_seq"}, planned = "flex",
                doc = "How tokens reach experts on other ranks: each to the ranks of its experts (alltoall, and alltoall_seq, which is the same here), or all to every rank.",
                note = "flex sends tokens through the kernels of DeepEP, which are not here; alltoall does the same over the ranks' communicator.")
        String moeTokenDispatcherType,
        @Option(value = "false", status = Status.PLANNED, doc = "DeepEP kernels.")
        boolean moeEnableDeepep,
        @Option(value = "true", status = Status.NO_MEANING, doc = "All experts' products in one call.",
                note = "The engine chooses how it multiplies; the numbers do not depend on it.")
        boolean moeGroupedGemm,
        @Option(value = "false", status = Status.NO_MEANING, doc = "Fused permutation of tokens.",
                note = "The engine chooses; the numbers do not depend on it.")
        boolean moePermuteFusion,
        @Option(value = "0", range = "[0,)", doc = "Weight of the balancing loss.",
                note = "Megatron-SWIFT's first version took config.json's; later versions and we take 0.")
        double moeAuxLossCoeff,
        @Option(range = "[0,)", doc = "Weight of the z loss.")
        Optional<Double> moeZLossCoeff,
        @Option(range = "(0,)", doc = "Tokens an expert may take of each rank's, relative to an even share; absent: no limit.")
        Optional<Double> moeExpertCapacityFactor,
        @Option(value = "false", doc = "Run the shared experts while tokens travel to the others.", note = "The bits are the same either way.")
        boolean moeSharedExpertOverlap,
        @Option(value = "probs", of = {"probs", "position"}, doc = "Which tokens go first when an expert is full.")
        String moeTokenDropPolicy) {

    public MoeOptions {
        moeRouterLoadBalancingType = List.copyOf(moeRouterLoadBalancingType);
    }
}
