package ai.sparktron.trainer.model;

/**
 * Names of a mixture's tensors in Hugging Face files, below {@code model.layers.N.}.
 *
 * @param module     of the mixture
 * @param gate       of an expert's gate projection, below {@code <module>.experts.E.}
 * @param up         of its up projection
 * @param down       of its down projection
 * @param shared     of the shared experts, below the module
 */
public record ExpertNames(String module, String gate, String up, String down, String shared) {

    static final ExpertNames QWEN = new ExpertNames("mlp", "gate_proj", "up_proj", "down_proj", "shared_expert");
    static final ExpertNames DEEPSEEK = new ExpertNames("mlp", "gate_proj", "up_proj", "down_proj", "shared_experts");
    static final ExpertNames MIXTRAL = new ExpertNames("block_sparse_moe", "w1", "w3", "w2", "");
}
