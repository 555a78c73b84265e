package ai.sparktron.trainer.config;

import java.util.Optional;

/** Multi-head latent attention. */
@Concern(title = "Latent attention (each absent: from config.json)", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record MlaOptions(
        @Option(status = Status.PLANNED, doc = "Latent attention; absent: on if config.json has kv_lora_rank.")
        Optional<Boolean> multiLatentAttention,
        @Option(range = "[1,)", status = Status.PLANNED, doc = "Rank of the query projection.") Optional<Integer> qLoraRank,
        @Option(range = "[1,)", status = Status.PLANNED, doc = "Rank of the key and value projection.") Optional<Integer> kvLoraRank,
        @Option(range = "[1,)", status = Status.PLANNED, doc = "Width of a head's part without position.") Optional<Integer> qkHeadDim,
        @Option(range = "[1,)", status = Status.PLANNED, doc = "Width of a head's part with position.") Optional<Integer> qkPosEmbHeadDim) {
}
