package ai.sparktron.trainer.config;

/** Choices between kernels that compute the same thing. */
@Concern(title = "Kernels", commands = {Command.PT, Command.SFT, Command.RLHF, Command.PLAN})
public record KernelOptions(
        @Option(value = "false", doc = "The same bits at every run of the same seed and grid, on GPUs too, where it costs speed; the CPU engine always gives them.")
        boolean deterministicMode,
        @Option(value = "auto", planned = {"flash_2", "flash_3", "flash_4"},
                doc = "Attention kernels on GPUs: auto and fused are cuDNN's for what it takes and our own for the rest, flash our own on the tensor cores, "
                        + "unfused and local plain float32 arithmetic. The CPU engine has one kernel. All keep documents apart and never store scores.")
        AttentionBackend attentionBackend,
        @Option(value = "false", status = Status.NO_MEANING, inverse = "masked_softmax_fusion",
                doc = "Turn off the fused scale, mask and softmax.", note = FUSED)
        boolean noMaskedSoftmaxFusion,
        @Option(value = "false", status = Status.NO_MEANING, inverse = "bias_dropout_fusion",
                doc = "Turn off the fused bias, dropout and residual.", note = FUSED)
        boolean noBiasDropoutFusion,
        @Option(value = "false", status = Status.NO_MEANING, inverse = "bias_swiglu_fusion",
                doc = "Turn off fused SwiGLU.", note = FUSED)
        boolean noBiasSwigluFusion,
        @Option(value = "false", status = Status.NO_MEANING, inverse = {"rope_fusion", "apply_rope_fusion"},
                doc = "Turn off fused rotary embedding.", note = FUSED)
        boolean noRopeFusion,
        @Option(value = "false", status = Status.NO_MEANING, inverse = "gradient_accumulation_fusion",
                doc = "Turn off accumulation of weight gradients inside the product.", note = FUSED)
        boolean noGradientAccumulationFusion,
        @Option(value = "false", status = Status.NO_MEANING, doc = "Fused cross-entropy over the split vocabulary.",
                note = "Cross-entropy is always one pass over the logits with its gradient.")
        boolean crossEntropyLossFusion,
        @Option(value = "native", of = {"native", "te"}, status = Status.NO_MEANING, doc = "Which fused cross-entropy.",
                note = "There is one.")
        String crossEntropyFusionImpl,
        @Option(value = "transformer_engine", of = {"transformer_engine", "local"}, status = Status.NO_MEANING,
                doc = "Which library's layers.", note = "Layers are Sparktron's own; the engine option chooses their kernels.")
        String transformerImpl,
        @Option(value = "false", status = Status.NO_MEANING, doc = "Python's garbage collector at fixed steps.",
                note = "There is no Python; step memory lives in arenas, not on the Java heap.")
        boolean manualGc,
        @Option(value = "0", range = "[0,)", status = Status.NO_MEANING, doc = "Steps between such collections.",
                note = "There is no Python; step memory lives in arenas, not on the Java heap.")
        int manualGcInterval) {

    private static final String FUSED = "The engine fuses where it is faster; the numbers do not depend on it.";

    /** Attention kernels known by name. */
    public enum AttentionBackend { AUTO, FLASH, FUSED, UNFUSED, LOCAL, FLASH_2, FLASH_3, FLASH_4 }
}
