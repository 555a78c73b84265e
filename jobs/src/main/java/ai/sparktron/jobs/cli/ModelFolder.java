package ai.sparktron.jobs.cli;

import ai.sparktron.pipeline.hub.FilePatterns;
import ai.sparktron.pipeline.hub.HubClient;
import ai.sparktron.pipeline.hub.HubOptions;
import ai.sparktron.pipeline.hub.RepoKind;
import ai.sparktron.trainer.checkpoint.CheckpointException;
import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.ModelOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Where the files of {@code --model} and {@code --tokenizer} lie on this machine; hub ids are downloaded first. */
final class ModelFolder {

    /** Whether the weights of a hub's model are downloaded too. */
    enum Weights { NEEDED, NOT_NEEDED }

    private ModelFolder() {
    }

    /** The directory of {@code --model}; of a run's directory its newest checkpoint. @throws ConfigurationException when there is none */
    static Path model(ModelOptions options, Weights weights) {
        return model("model", options.model().orElseThrow(() -> new ConfigurationException("--model is missing")), options, weights);
    }

    /** As the other, of a model that another option names. @param options say which hub */
    static Path model(String option, String model, ModelOptions options, Weights weights) {
        Path directory = find("--" + option, model, options, weights);
        if (!Files.isRegularFile(directory.resolve("config.json")) && Files.isDirectory(directory) && holdsCheckpoints(directory)) {
            return CheckpointStore.open(directory).directory().toAbsolutePath().normalize();
        }
        if (!Files.isRegularFile(directory.resolve("config.json"))) {
            throw new ConfigurationException("--" + option + " " + model + ": " + directory + " has no config.json; name a directory in Hugging Face layout");
        }
        return directory.toAbsolutePath().normalize();
    }

    /** The directory of {@code --tokenizer}, else {@code fallback}. */
    static Path tokenizer(ModelOptions options, Path fallback) {
        Path directory = options.tokenizer().map(tokenizer -> find("--tokenizer", tokenizer, options, Weights.NOT_NEEDED)).orElse(fallback);
        Path folder = Files.isRegularFile(directory) && directory.getParent() != null ? directory.getParent() : directory;
        return folder.toAbsolutePath().normalize();
    }

    private static boolean holdsCheckpoints(Path directory) {
        try {
            CheckpointStore.open(directory);
            return true;
        } catch (CheckpointException e) {
            return false;
        }
    }

    private static Path find(String option, String name, ModelOptions options, Weights weights) {
        Path path = Path.of(name.startsWith("~/") ? System.getProperty("user.home") + name.substring(1) : name);
        if (Files.exists(path)) {
            return path;
        }
        boolean prefixed = name.startsWith("HF::") || name.startsWith("MS::");
        String id = prefixed ? name.substring(4) : name;
        if (!id.matches("[\\w.-]+/[\\w.-]+")) {
            throw new ConfigurationException(option + " " + name + ": there is no such directory, and it is not a hub id like owner/name");
        }
        boolean huggingFace = name.startsWith("HF::") || !name.startsWith("MS::") && options.useHf();
        FilePatterns files = weights == Weights.NEEDED ? FilePatterns.MODEL : FilePatterns.MODEL_WITHOUT_WEIGHTS;
        return client(options, huggingFace).snapshot(RepoKind.MODEL, id, options.modelRevision().orElse(null), files).directory();
    }

    private static HubClient client(ModelOptions options, boolean huggingFace) {
        Map<String, String> environment = System.getenv();
        Path home = Path.of(System.getProperty("user.home"));
        String token = options.hubToken().orElse(null);
        return huggingFace
                ? HubClient.huggingFace(HubOptions.huggingFace(environment, home, token))
                : HubClient.modelScope(HubOptions.modelScope(environment, home, token));
    }
}
