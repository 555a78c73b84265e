package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.checkpoint.CheckpointException;
import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.config.ArgsFile;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.tuner.PeftConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A LoRA adapter on this machine.
 *
 * @param directory with adapter_config.json
 * @param args      options it was trained with; empty when others made it
 */
record AdapterFolder(Path directory, Optional<Options> args) {

    /**
     * The adapter of a path: a directory that PEFT or a run wrote, or the newest checkpoint of a run.
     *
     * @param option that named it, for messages
     */
    static AdapterFolder of(String option, String name) {
        Path path = Path.of(name.startsWith("~/") ? System.getProperty("user.home") + name.substring(1) : name);
        if (!Files.isDirectory(path)) {
            throw new ConfigurationException("--" + option + " " + name + ": there is no such directory");
        }
        Path directory = PeftConfig.isIn(path) ? path : newest(option, path);
        if (!PeftConfig.isIn(directory)) {
            throw new ConfigurationException("--" + option + " " + name + ": " + directory + " has no " + PeftConfig.FILE + ", so it is no LoRA adapter"
                    + (Files.exists(directory.resolve("config.json")) ? "; it is a whole model, which --model takes" : ""));
        }
        Path file = directory.resolve(ArgsFile.NAME);
        return new AdapterFolder(directory.toAbsolutePath().normalize(), ArgsFile.isOurs(file) ? Optional.of(ArgsFile.read(file)) : Optional.empty());
    }

    private static Path newest(String option, Path path) {
        try {
            return CheckpointStore.open(path).directory();
        } catch (CheckpointException e) {
            throw new ConfigurationException("--" + option + " " + path + " is no LoRA adapter: it has neither " + PeftConfig.FILE + " nor checkpoints of a run");
        }
    }

    /**
     * Options with the model that the adapter was trained on, where they name none.
     *
     * @throws ConfigurationException when nothing says which model that was
     */
    Options withModel(Options options) throws IOException {
        if (options.model().model().isPresent()) {
            return options;
        }
        if (args.isPresent()) {
            Options trained = args.get();
            if (!trained.checkpoint().noInitialization()) {
                throw new ConfigurationException(directory + " was trained on random weights (perform_initialization true), which no directory holds: give --model");
            }
            String model = trained.checkpoint().load().or(() -> trained.model().model()).orElseThrow();
            Options known = options.with("model", model).with("use_hf", String.valueOf(trained.model().useHf()));
            return trained.model().modelRevision().isEmpty() ? known : known.with("model_revision", trained.model().modelRevision().get());
        }
        String model = PeftConfig.read(directory).baseModel().orElseThrow(() -> new ConfigurationException("--model is missing, and " + directory.resolve(PeftConfig.FILE)
                + " does not name the model that the adapter was trained on (base_model_name_or_path)"));
        return options.with("model", model);
    }
}
