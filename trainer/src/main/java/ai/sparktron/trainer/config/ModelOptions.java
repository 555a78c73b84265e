package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Which model. */
@Concern(title = "Model", commands = {Command.PT, Command.SFT, Command.RLHF, Command.INFER, Command.EXPORT, Command.PREPARE, Command.PLAN})
public record ModelOptions(
        @Option(alias = "model_id_or_path",
                doc = "Directory in Hugging Face layout, or a hub id. A directory with only config.json needs perform_initialization true.")
        Optional<String> model,
        @Option(status = Status.PLANNED, doc = "Family, where config.json's model_type does not name it.")
        Optional<String> modelType,
        @Option(doc = "Branch, tag or commit of a hub id.")
        Optional<String> modelRevision,
        @Option(doc = "Directory with tokenizer.json; absent: the model's.")
        Optional<String> tokenizer,
        @Option(value = "false", doc = "Take hub ids from the Hugging Face hub instead of ModelScope.")
        boolean useHf,
        @Option(secret = true, doc = "Token for private models and data sets.")
        Optional<String> hubToken,
        @Option(status = Status.PLANNED, doc = "Tokens added to the vocabulary, or a .txt file with one a line.")
        List<String> newSpecialTokens) {

    public ModelOptions {
        newSpecialTokens = List.copyOf(newSpecialTokens);
    }
}
