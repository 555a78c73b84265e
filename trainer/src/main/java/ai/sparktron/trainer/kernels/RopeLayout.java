package ai.sparktron.trainer.kernels;

/** Which elements of a head are rotated together (rotary position embedding, arXiv 2104.09864). */
public enum RopeLayout {
    /** Element i with i + rotary/2: Llama, Qwen ("rotate half"). */
    HALVES,
    /** Element 2i with 2i + 1: DeepSeek's stored order, Megatron's {@code rotary_interleaved}. */
    PAIRS
}
