package ai.sparktron.trainer.config;

import java.util.Optional;

/** The program itself. */
@Concern(title = "Program", commands = {Command.PT, Command.SFT, Command.RLHF, Command.INFER, Command.EXPORT, Command.PREPARE, Command.VERIFY, Command.PLAN})
public record ProgramOptions(
        @Option(doc = "YAML or JSON file with options under the same names; the command line goes before it.") Optional<String> config,
        @Option(value = "false", doc = "Print the stack trace of an error.") boolean debug) {
}
