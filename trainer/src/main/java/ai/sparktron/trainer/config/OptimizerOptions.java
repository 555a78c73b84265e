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
        @Option(value = "false", doc = "Keep main weights and moments on the host.",
                note = "Megatron steps on the CPU; here state visits the GPU for the step, in chunks that are copied beside other work, with the same numbers.")
        boolean optimizerCpuOffload,
        @Option(value = "1.0", range = "[0,1]", doc = "Share of the state kept on the host.")
        double optimizerOffloadFraction,
        @Option(value = "false", doc = "Optimizer state in the types below; all computation stays in float32.")
        boolean usePrecisionAwareOptimizer,
        @Option(value = "fp32", of = {"fp32", "bf16"}, doc = "Type of the main gradients.")
        String mainGradsDtype,
        @Option(value = "fp32", of = {"fp32", "fp16", "bf16"}, doc = "Type of the main parameters; fp16 with a scale for each 128.",
                note = "Megatron has fp32 and fp16; with bf16 the model's bfloat16 weights are the only ones, and each update is rounded stochastically.")
        String mainParamsDtype,
        @Option(value = "fp32", of = {"fp32", "fp16", "bf16", "fp8"},
                doc = "Stored type of the first moment; fp16 and fp8 with a scale for each 128.")
        String expAvgDtype,
        @Option(value = "fp32", of = {"fp32", "fp16", "bf16", "fp8"},
                doc = "Stored type of the second moment; fp16 and fp8 with a scale for each 128, fp8 as its root.")
        String expAvgSqDtype) {

    /** Optimizers. */
    public enum Kind { ADAM, SGD, MUON, DIST_MUON }
}
