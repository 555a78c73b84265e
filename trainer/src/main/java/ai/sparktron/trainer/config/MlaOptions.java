package ai.sparktron.trainer.config;

import java.util.Optional;

/** Multi-head latent attention. */
@Concern(title = "Latent attention (each absent: from config.json)", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record MlaOptions(
        @Option(doc = "Latent attention.", note = "The family decides; it must be the model's.")
        Optional<Boolean> multiLatentAttention,
        @Option(range = "[1,)", doc = "Rank of the query projection.") Optional<Integer> qLoraRank,
        @Option(range = "[1,)", doc = "Rank of the key and value projection.") Optional<Integer> kvLoraRank,
        @Option(range = "[1,)", doc = "Width of a head's part without position.") Optional<Integer> qkHeadDim,
        @Option(range = "[1,)", doc = "Width of a head's part with position.") Optional<Integer> qkPosEmbHeadDim) {
}
