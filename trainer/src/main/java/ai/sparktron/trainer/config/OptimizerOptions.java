package ai.sparktron.trainer.config;

/** The optimizer and its regularisation. */
@Concern(title = "Optimizer", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record OptimizerOptions(
        @Option(value = "adam", planned = {"muon", "dist_muon"}, doc = "adam (with decoupled weight decay) or sgd.")
        Kind optimizer,
        @Option(value = "0.1", range = "[0,)", doc = "Decoupled decay; not applied to biases and one-dimensional weights.")
        double weightDecay,
        @Option(value = "1.0", range = "[0,)", alias = "max_grad_norm",
                doc = "Largest global norm of the gradients; 0 turns clipping off. The logged norm is the one before clipping.")
        double clipGrad,
        @Option(value = "0.9", range = "[0,1)", doc = "Decay of the first moment.")
        double adamBeta1,
        @Option(value = "0.95", range = "[0,1)", doc = "Decay of the second moment.")
        double adamBeta2,
        @Option(value = "1e-8", range = "(0,)", doc = "Added to the root of the second moment.")
        double adamEps,
        @Option(value = "0.9", range = "[0,1)", doc = "Momentum of sgd.")
        double sgdMomentum,
        @Option(value = "false", status = Status.PLANNED, doc = "Keep optimizer state and step on the CPU.")
        boolean optimizerCpuOffload,
        @Option(value = "1.0", range = "[0,1]", status = Status.PLANNED, doc = "Share of the state kept on the CPU.")
        double optimizerOffloadFraction,
        @Option(value = "false", status = Status.PLANNED, doc = "Optimizer state in the types below.")
        boolean usePrecisionAwareOptimizer,
        @Option(value = "fp32", of = {"fp32", "bf16"}, status = Status.PLANNED, doc = "Type of the main gradients.")
        String mainGradsDtype,
        @Option(value = "fp32", of = {"fp32", "fp16"}, status = Status.PLANNED, doc = "Type of the main parameters.")
        String mainParamsDtype,
        @Option(value = "fp32", of = {"fp32", "fp16", "bf16", "fp8"}, status = Status.PLANNED, doc = "Stored type of the first moment.")
        String expAvgDtype,
        @Option(value = "fp32", of = {"fp32", "fp16", "bf16", "fp8"}, status = Status.PLANNED, doc = "Stored type of the second moment.")
        String expAvgSqDtype) {

    /** Optimizers. */
    public enum Kind { ADAM, SGD, MUON, DIST_MUON }
}
