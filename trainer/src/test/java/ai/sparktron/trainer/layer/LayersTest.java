package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.seam.Seams;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Nested;

/** The contract, for every layer. */
class LayersTest {

    private static final String LAYER = "decoder.layers.";

    private static Parameter orNull(LayerLab lab, String name) {
        return lab.parameters.has(name) ? lab.parameters.get(name) : null;
    }

    private static Branch attention(LayerLab lab, int layer, boolean recomputeCore) {
        String name = LAYER + layer + ".self_attention";
        boolean normed = lab.config.family().queryKeyNorm();
        SelfAttention.Settings settings = new SelfAttention.Settings(name, layer, new AttentionShape(4, 2, 4, 4, 0.5f), recomputeCore);
        return new SelfAttention(settings, new DenseLinear(lab.parameters.get(name + ".linear_qkv.weight"), orNull(lab, name + ".linear_qkv.bias")),
                normed ? lab.norm(name + ".q_layernorm.weight") : null, normed ? lab.norm(name + ".k_layernorm.weight") : null,
                new DenseLinear(lab.parameters.get(name + ".linear_proj.weight"), null), orNull(lab, name + ".linear_proj.bias"), AttentionCore.local(),
                Region.none());
    }

    private static Branch feedForward(LayerLab lab, int layer) {
        String name = LAYER + layer + ".mlp";
        return new FeedForward(name, new DenseLinear(lab.parameters.get(name + ".linear_fc1.weight"), orNull(lab, name + ".linear_fc1.bias")),
                new DenseLinear(lab.parameters.get(name + ".linear_fc2.weight"), null), orNull(lab, name + ".linear_fc2.bias"), Region.none());
    }

    private static StreamLayer block(LayerLab lab, int layer) {
        String name = LAYER + layer + ".";
        return new Block(name + "block", lab.norm(name + "self_attention.linear_qkv.layer_norm_weight"), attention(lab, layer, layer == 1),
                lab.norm(name + "mlp.linear_fc1.layer_norm_weight"), feedForward(lab, layer));
    }

    /** A block as the model has it. */
    private static StreamLayer madeBlock(LayerLab lab, int layer, Recompute recompute) {
        ModelPart one = new ModelPart(layer, 1, false, false);
        return new BlockFactory(lab.config, new DecoderModel.Options(one, Seams.single(), recompute, 1 << 20, 16), lab.parameters).blocks(ParameterUse.NONE);
    }

    abstract static class OfFamily extends LayerContract {
        private final String family;
        private final String keys;
        private final String parameters;

        OfFamily(String family, String keys, String parameters) {
            this.family = family;
            this.keys = keys;
            this.parameters = parameters;
        }

        @Override
        String parametersNamed() {
            return parameters;
        }

        @Override
        LayerLab lab(boolean trainable) {
            return new LayerLab(family, keys, trainable);
        }
    }

    private static final String BIASES = ",\"attention_bias\":true,\"mlp_bias\":true";

    @Nested
    class AttentionWithBiases extends OfFamily {
        AttentionWithBiases() {
            super("llama", BIASES, "layers.0.self_attention.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(attention(lab, 0, false));
        }
    }

    @Nested
    class AttentionWithNorms extends OfFamily {
        AttentionWithNorms() {
            super("qwen3", "", "layers.1.self_attention.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(attention(lab, 1, false));
        }
    }

    @Nested
    class AttentionComputedAgain extends OfFamily {
        AttentionComputedAgain() {
            super("qwen2", "", "layers.0.self_attention.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(attention(lab, 0, true));
        }
    }

    @Nested
    class FeedForwardWithBiases extends OfFamily {
        FeedForwardWithBiases() {
            super("llama", BIASES, "layers.0.mlp.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(feedForward(lab, 0));
        }
    }

    @Nested
    class FeedForwardComputedAgain extends OfFamily {
        FeedForwardComputedAgain() {
            super("mistral", "", "layers.2.mlp.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(new RecomputedBranch("again", feedForward(lab, 2)));
        }
    }

    @Nested
    class WholeBlock extends OfFamily {
        WholeBlock() {
            super("qwen3", ",\"attention_bias\":true", "layers.0.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(block(lab, 0), lab);
        }
    }

    @Nested
    class BlocksInAChain extends OfFamily {
        BlocksInAChain() {
            super("llama", "", "layers.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(new Chain("chain", List.of(block(lab, 0), block(lab, 1), block(lab, 2))), lab);
        }
    }

    @Nested
    class BlocksComputedAgain extends OfFamily {
        BlocksComputedAgain() {
            super("qwen3", "", "layers.");
        }

        @Override
        Subject subject(LayerLab lab) {
            StreamLayer again = new Recomputed("again", new Chain("inner", List.of(block(lab, 0), block(lab, 1))));
            return Subject.of(new Chain("outer", List.of(again, block(lab, 2))), lab);
        }
    }

    private static final String EXPERTS = ",\"num_experts\":6,\"num_experts_per_tok\":2,\"moe_intermediate_size\":3,\"shared_expert_intermediate_size\":4";
    private static final String LATENT = ",\"q_lora_rank\":3,\"kv_lora_rank\":5,\"qk_nope_head_dim\":2,\"qk_rope_head_dim\":4,\"v_head_dim\":3"
            + ",\"first_k_dense_replace\":1,\"n_routed_experts\":6,\"n_shared_experts\":1,\"num_experts_per_tok\":2,\"moe_intermediate_size\":3"
            + ",\"n_group\":3,\"topk_group\":2,\"routed_scaling_factor\":2.5";

    @Nested
    class GatedSharedExperts extends OfFamily {
        GatedSharedExperts() {
            super("qwen2_moe", EXPERTS, "layers.0.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(madeBlock(lab, 0, Recompute.none()), lab);
        }
    }

    @Nested
    class ExpertsComputedAgain extends OfFamily {
        ExpertsComputedAgain() {
            super("qwen3_moe", EXPERTS + ",\"norm_topk_prob\":true", "layers.1.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(madeBlock(lab, 1, Recompute.selective(Set.of(Recompute.Module.MOE))), lab);
        }
    }

    @Nested
    class LatentAttentionAndGroupedExperts extends OfFamily {
        LatentAttentionAndGroupedExperts() {
            super("deepseek_v3", LATENT + ",\"attention_bias\":true", "layers.1.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(madeBlock(lab, 1, Recompute.none()), lab);
        }
    }

    @Nested
    class LatentAttentionComputedAgain extends OfFamily {
        LatentAttentionComputedAgain() {
            super("deepseek_v3", LATENT + ",\"rope_interleave\":false", "layers.0.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(madeBlock(lab, 0, Recompute.selective(Set.of(Recompute.Module.MLA_UP_PROJ, Recompute.Module.CORE_ATTN))), lab);
        }
    }

    @Nested
    class LatentAttentionWithQueriesOfTheStream extends OfFamily {
        LatentAttentionWithQueriesOfTheStream() {
            super("deepseek_v2", LATENT.replace("\"q_lora_rank\":3", "\"q_lora_rank\":null"), "layers.0.");
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(madeBlock(lab, 0, Recompute.none()), lab);
        }
    }
}
