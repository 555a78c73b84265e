package ai.sparktron.trainer.config;

import java.util.Optional;

/** Evaluation on the validation set. */
@Concern(title = "Evaluation", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record EvaluationOptions(
        @Option(value = "-1", range = "[-1,)", doc = "Batches of one evaluation; -1: as many as the validation set has; 0: none.")
        long evalIters,
        @Option(range = "[1,)", alias = "eval_steps", doc = "Steps between evaluations; absent: save_interval.")
        Optional<Long> evalInterval) {
}
