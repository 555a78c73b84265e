package ai.sparktron.trainer.config;

import java.util.Optional;

/** Where shards go. */
@Concern(title = "Shards", commands = {Command.PREPARE})
public record PrepareOptions(
        @Option(doc = "Directory of the shards.") Optional<String> outputDir,
        @Option(value = "sft", of = {"sft", "pt", "rlhf"}, doc = "Which kind of training the shards are for; rlhf trains the last answers, so give --loss_scale last_round.") String task,
        @Option(value = "dpo", of = {"dpo", "kto", "rm"}, doc = "Under --task rlhf, which kind of it: kto takes single answers with a label, the others pairs of answers.")
        String rlhfType) {
}
