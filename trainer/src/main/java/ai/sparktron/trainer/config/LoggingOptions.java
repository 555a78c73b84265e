package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** What is written while a run goes on. */
@Concern(title = "Logging", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record LoggingOptions(
        @Option(value = "5", range = "[1,)", alias = "logging_steps", doc = "Steps between log lines; step 1 is always logged.")
        long logInterval,
        @Option(doc = "Directory of TensorBoard events; absent: runs under the run's directory.")
        Optional<String> tensorboardDir,
        @Option(value = "1", range = "[1,)", doc = "Steps between TensorBoard values.")
        long tensorboardLogInterval,
        @Option(value = "50", range = "[1,)", status = Status.NO_MEANING, doc = "Events that may wait to be written.",
                note = "Events are appended to a buffered file at once.")
        int tensorboardQueueSize,
        @Option(value = "false", doc = "Report the L2 norm of all parameters, frozen ones too, as params_norm.")
        boolean logParamsNorm,
        @Option(value = "false", status = Status.NO_MEANING, doc = "Log TFLOP/s per GPU.",
                note = "Tokens per second and, where the device's peak is known, MFU are always logged.")
        boolean logThroughput,
        @Option(value = "true", doc = "Write the times of the phases of a step to TensorBoard.")
        boolean logTimersToTensorboard,
        @Option(value = "false", inverse = "log_learning_rate_to_tensorboard", doc = "Leave the learning rate out of TensorBoard.")
        boolean noLogLearningRateToTensorboard,
        @Option(value = "true", doc = "Write the validation perplexity to TensorBoard.")
        boolean logValidationPplToTensorboard,
        @Option(value = "true", doc = "Write memory to TensorBoard.")
        boolean logMemoryToTensorboard,
        @Option(of = {"debug", "info", "warning", "error"}, status = Status.PLANNED, doc = "Lowest level that is logged.")
        Optional<String> loggingLevel,
        @Option(value = "tensorboard", of = {"tensorboard", "wandb", "swanlab", "none"}, planned = {"wandb", "swanlab", "none"},
                doc = "Where metrics go besides logging.jsonl.")
        List<String> reportTo,
        @Option(status = Status.PLANNED, doc = "Weights & Biases project.")
        Optional<String> wandbProject,
        @Option(status = Status.PLANNED, doc = "Weights & Biases run name.")
        Optional<String> wandbExpName,
        @Option(status = Status.PLANNED, doc = "Weights & Biases local directory.")
        Optional<String> wandbSaveDir) {

    public LoggingOptions {
        reportTo = List.copyOf(reportTo);
    }
}
