package ai.sparktron.trainer.train;

import ai.sparktron.trainer.config.Options;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What one training run is to do, the same on all ranks and in all attempts; sent to them by Java serialisation. Paths are as every rank sees them.
 *
 * @param options        all options
 * @param model          directory with {@code config.json} and, unless weights are drawn at random, safetensors files
 * @param tokenizer      directory whose tokenizer files are copied into every save
 * @param trainData      directories of training shards
 * @param validationData directories of validation shards; empty when there is no evaluation
 * @param runDirectory   where checkpoints, logs and pictures go: made by the launcher, shared by all ranks
 * @param argsJson       text of {@code args.json}, written into every save
 */
public record RunPlan(Options options, String model, String tokenizer, List<String> trainData, List<String> validationData,
                      String runDirectory, String argsJson) implements Serializable {

    public RunPlan {
        trainData = List.copyOf(trainData);
        validationData = List.copyOf(validationData);
    }

    /** {@link #runDirectory} as a path. */
    public Path runPath() {
        return Path.of(runDirectory);
    }

    /** {@code --load} as a path. */
    public Optional<Path> load() {
        return options.checkpoint().load().map(Path::of);
    }
}
