package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** Reference cases to run. */
@Concern(title = "Verify", commands = {Command.VERIFY})
public record VerifyOptions(
        @Option(name = "case", positional = true,
                doc = "Directories, each with config.json, model.safetensors, inputs.safetensors, expected.safetensors and, where known, greedy.json and trajectory.json.")
        List<String> cases,
        @Option(doc = "Directory for our logits, loss and gradients under the same names.") Optional<String> write,
        @Option(value = "1e-4", range = "[0,)", doc = "Largest absolute difference of logits.") double logitsTolerance,
        @Option(value = "1e-3", range = "[0,)", doc = "Largest relative difference of each gradient: norm of the difference over the norm.") double gradientTolerance,
        @Option(value = "1e-4", range = "[0,)", doc = "Largest difference of the loss.") double lossTolerance,
        @Option(value = "1e-3", range = "[0,)", doc = "Largest difference of the losses and, relative, of the gradient norms of a training trajectory.")
        double trajectoryTolerance,
        @Option(value = "0", range = "[0,)", doc = "Rows of a micro-batch; 0: all at once.") int microBatchSize) {
}
