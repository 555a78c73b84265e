package ai.sparktron.trainer.config;

import java.util.Optional;

/** Number types of the computation. */
@Concern(title = "Precision", commands = {Command.PT, Command.SFT, Command.RLHF, Command.INFER, Command.VERIFY, Command.PLAN})
public record PrecisionOptions(
        @Option(alias = "dtype", of = {"float32", "bfloat16", "float16"},
                doc = "Type of computation; absent: that of config.json on GPUs (verify: float32), float32 on the CPU engine.",
                note = "Megatron-SWIFT takes config.json's type; on the CPU engine narrower types only cost time.")
        Optional<String> torchDtype,
        @Option(doc = "Compute in float16; training scales the loss dynamically and keeps float32 main weights.")
        Optional<Boolean> fp16,
        @Option(doc = "Compute in bfloat16; training keeps float32 main weights and gradients.")
        Optional<Boolean> bf16,
        @Option(status = Status.PLANNED, doc = "Divide attention queries by the layer number and undo it in the softmax.")
        Optional<Boolean> applyQueryKeyLayerScaling,
        @Option(value = "true", status = Status.NO_MEANING, doc = "Softmax of attention in float32.",
                note = "It always is.")
        boolean attentionSoftmaxInFp32) {
}
