package ai.sparktron.trainer.config;

import java.util.Optional;

/** Number types of the computation. */
@Concern(title = "Precision", commands = {Command.PT, Command.SFT, Command.RLHF, Command.INFER, Command.VERIFY, Command.PLAN})
public record PrecisionOptions(
        @Option(alias = "dtype", of = {"float32", "bfloat16", "float16"}, planned = {"bfloat16", "float16"},
                doc = "Type of computation; absent: float32 on the CPU engine.",
                note = "Megatron-SWIFT takes config.json's type; the CPU engine computes in float32 whatever the file says.")
        Optional<String> torchDtype,
        @Option(status = Status.PLANNED, doc = "Train in half precision with dynamic loss scaling.")
        Optional<Boolean> fp16,
        @Option(status = Status.PLANNED, doc = "Train in bfloat16 with float32 main weights and gradients.")
        Optional<Boolean> bf16,
        @Option(status = Status.PLANNED, doc = "Divide attention queries by the layer number and undo it in the softmax.")
        Optional<Boolean> applyQueryKeyLayerScaling,
        @Option(value = "true", status = Status.NO_MEANING, doc = "Softmax of attention in float32.",
                note = "It always is.")
        boolean attentionSoftmaxInFp32) {
}
