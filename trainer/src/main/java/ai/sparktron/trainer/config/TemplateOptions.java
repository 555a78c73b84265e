package ai.sparktron.trainer.config;

import java.util.Optional;

/** How a conversation becomes tokens and which of them are trained. */
@Concern(title = "Template", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PREPARE, Command.INFER, Command.EXPORT, Command.PLAN})
public record TemplateOptions(
        @Option(doc = "Chat template; absent: the model's.") Optional<String> template,
        @Option(doc = "System message, or a .txt file with it; a row's own goes before it.") Optional<String> system,
        @Option(range = "[1,)", doc = "Most tokens of a sample; absent: the model's longest sequence.") Optional<Integer> maxLength,
        @Option(value = "delete", of = {"delete", "left", "right", "split"}, 
                doc = "What happens to longer samples: delete, left (keep the end), right (keep the start), split (into several; for pt).")
        String truncationStrategy,
        @Option(value = "default", rlhfValue = "last_round", of = {"default", "last_round", "all", "ignore_empty_think", "last_round_with_ignore_empty_think",
                "react", "qwen", "alpha_umi", "agentflan", "hermes"},
                doc = "Which tokens are trained: default (all answers), last_round, all, ignore_empty_think forms, and weights for agents' answers.")
        String lossScale,
        @Option(value = "true", doc = "false: plain text with an end mark, no chat markup; pt always does that.") boolean useChatTemplate,
        @Option(status = Status.PLANNED, doc = "How tools are shown to the model; absent: the template's.") Optional<String> agentTemplate,
        @Option(status = Status.PLANNED, doc = "Text put at the start of every generated answer; absent: the template's.") Optional<String> responsePrefix,
        @Option(doc = "Thinking mode of templates that have both; absent: the template's default.") Optional<Boolean> enableThinking) {
}
