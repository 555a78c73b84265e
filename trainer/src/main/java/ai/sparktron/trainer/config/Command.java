package ai.sparktron.trainer.config;

import java.util.Locale;
import java.util.Optional;

/** What {@code sparktron} can be asked to do. */
public enum Command {
    /** Continued pre-training: every token is trained, no chat markup. */
    PT("Pre-train on plain text; every token is trained."),
    /** Supervised fine-tuning: chat template, the answers are trained. */
    SFT("Fine-tune on conversations; the assistant's answers are trained."),
    /** Preference training. */
    RLHF("Train on preferences."),
    /** Chat with a model, or answer a data set. */
    INFER("Chat with a model in the terminal, or answer a data set into a file."),
    /** Convert between Hugging Face layout and training checkpoints. */
    EXPORT("Convert between Hugging Face layout and training checkpoints."),
    /** Make shards of packed rows from raw data. */
    PREPARE("Turn raw data into shards of token ids, once, for later runs."),
    /** Run a reference case and print the differences. */
    VERIFY("Run a reference case and print how far the results are from the expected ones."),
    /** Print what a run would need. */
    PLAN("Print the memory and the layout of a run before it starts.");

    private final String summary;

    Command(String summary) {
        this.summary = summary;
    }

    /** One line for the help. */
    public String summary() {
        return summary;
    }

    /** The word on the command line. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether the command trains a model. */
    public boolean trains() {
        return switch (this) {
            case PT, SFT, RLHF -> true;
            case INFER, EXPORT, PREPARE, VERIFY, PLAN -> false;
        };
    }

    /** The command of a word, if there is one. */
    public static Optional<Command> of(String word) {
        for (Command command : values()) {
            if (command.word().equals(word)) {
                return Optional.of(command);
            }
        }
        return Optional.empty();
    }
}
