package ai.sparktron.trainer.model;

import java.util.List;

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

    /** What a projection of an expert is. */
    public enum Projection { GATE, UP, DOWN }

    public static final ExpertNames QWEN = new ExpertNames("mlp", "gate_proj", "up_proj", "down_proj", "shared_expert");
    public static final ExpertNames DEEPSEEK = new ExpertNames("mlp", "gate_proj", "up_proj", "down_proj", "shared_experts");
    public static final ExpertNames MIXTRAL = new ExpertNames("block_sparse_moe", "w1", "w3", "w2", "");

    private static final List<ExpertNames> ALL = List.of(QWEN, DEEPSEEK, MIXTRAL);

    /** What the projection of an expert is, by the last word of its name in any family's files. @throws IllegalArgumentException when it is none */
    public static Projection projection(String leaf) {
        for (ExpertNames names : ALL) {
            if (leaf.equals(names.down)) {
                return Projection.DOWN;
            }
            if (leaf.equals(names.gate) || leaf.equals(names.up)) {
                return leaf.equals(names.gate) ? Projection.GATE : Projection.UP;
            }
        }
        throw new IllegalArgumentException(leaf + " is no projection of an expert");
    }

    /** A name in published files as the modules of transformers 5 are named, which call all mixtures alike. */
    public static String inTransformers(String name) {
        return name.replace("." + MIXTRAL.module + ".", "." + QWEN.module + ".");
    }
}
