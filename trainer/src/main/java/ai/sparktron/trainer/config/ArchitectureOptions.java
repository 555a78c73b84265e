package ai.sparktron.trainer.config;

import java.util.Optional;

/**
 * The shape of the model. All absent by default: config.json says it. Sizes that are given go before config.json ({@link ConfigOverrides}); what the family decides may be
 * given too, and must then be what the model has.
 */
@Concern(title = "Architecture (each absent: from config.json)", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record ArchitectureOptions(
        @Option(range = "[1,)", doc = "Layers.") Optional<Integer> numLayers,
        @Option(range = "[1,)", doc = "Width of the residual stream.") Optional<Integer> hiddenSize,
        @Option(range = "[1,)", doc = "Inner width of the feed-forward part.") Optional<Integer> ffnHiddenSize,
        @Option(range = "[1,)", doc = "Attention heads.") Optional<Integer> numAttentionHeads,
        @Option(doc = "Share keys and values between heads; must agree with num_query_groups.", status = Status.NO_MEANING,
                note = "It is num_query_groups < num_attention_heads.")
        Optional<Boolean> groupQueryAttention,
        @Option(range = "[1,)", doc = "Groups of heads that share keys and values.") Optional<Integer> numQueryGroups,
        @Option(range = "[1,)", doc = "Longest sequence.") Optional<Integer> maxPositionEmbeddings,
        @Option(of = {"rope", "learned_absolute", "mrope", "relative", "none"}, planned = {"learned_absolute", "mrope", "relative", "none"},
                status = Status.NO_MEANING, doc = "Kind of positions.", note = "Every family that is built has rope.")
        Optional<String> positionEmbeddingType,
        @Option(range = "(0,)", doc = "Base of the rotary frequencies.") Optional<Double> rotaryBase,
        @Option(range = "(0,1]", doc = "Share of each head that is rotated.", note = "The family decides; it must be the model's.") Optional<Double> rotaryPercent,
        @Option(doc = "Rotate neighbouring pairs instead of halves.", note = "The family decides; it must be the model's.") Optional<Boolean> rotaryInterleaved,
        @Option(of = {"RMSNorm", "LayerNorm"}, planned = "LayerNorm",
                status = Status.NO_MEANING, doc = "Kind of normalisation.", note = "Every family that is built has RMSNorm.") Optional<String> normalization,
        @Option(range = "(0,)", doc = "Added to the variance in normalisation.") Optional<Double> normEpsilon,
        @Option(doc = "Gated SiLU feed-forward.", note = "The family decides; it must be the model's.") Optional<Boolean> swiglu,
        @Option(doc = "Output layer with weights of its own.") Optional<Boolean> untieEmbeddingsAndOutputWeights,
        @Option(doc = "No biases in linear layers.", note = "The family decides; it must be the model's.") Optional<Boolean> disableBiasLinear,
        @Option(doc = "Biases on queries, keys and values.", note = "The family decides; it must be the model's.") Optional<Boolean> addQkvBias,
        @Option(range = "[0,1)", status = Status.PLANNED, doc = "Dropout in attention.") Optional<Double> attentionDropout,
        @Option(range = "[0,1)", status = Status.PLANNED, doc = "Dropout on the residual stream.") Optional<Double> hiddenDropout,
        @Option(range = "[1,)", doc = "Width of one head.") Optional<Integer> kvChannels,
        @Option(doc = "Normalise queries and keys of each head.", note = "The family decides; it must be the model's.") Optional<Boolean> qkLayernorm,
        @Option(range = "[1,)", doc = "Rows of the embedding.") Optional<Integer> paddedVocabSize,
        @Option(range = "[1,)", doc = "Layers behind the last one that are trained to predict tokens further on (multi-token prediction); absent: none, and those of"
                + " the files are kept as they are.")
        Optional<Integer> mtpNumLayers,
        @Option(value = "0.1", range = "(0,)", doc = "What the mean of their losses counts beside the loss.") double mtpLossScalingFactor,
        @Option(syntax = "any", doc = "Scaling of the rotary frequencies: JSON as in config.json, or a number for linear.") Optional<String> ropeScaling) {
}
