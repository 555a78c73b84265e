package ai.sparktron.trainer.model;

import ai.sparktron.trainer.model.Dim.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * Parameters of a decoder of any family: Megatron's names, and the Hugging Face tensors each is made of.
 *
 * <p>Random weights are Megatron's: normal with deviation {@code initializer_range}, the two projections that write to the residual stream divided by
 * sqrt(2 L); norms are 1, biases 0.
 */
public final class DecoderSpecs {

    /** Name of the embedding, which is also the head of tied models. */
    public static final String EMBEDDING = "embedding.word_embeddings.weight";
    public static final String FINAL_NORM = "decoder.final_layernorm.weight";
    public static final String HEAD = "output_layer.weight";

    private final ModelConfig config;
    private final Dim embed;

    private DecoderSpecs(ModelConfig config) {
        this.config = config;
        this.embed = Dim.of(Kind.EMBED, config.hiddenSize());
    }

    /** All parameters, in the order of the model. */
    public static List<ParameterSpec> of(ModelConfig config) {
        return of(config, ModelPart.whole(config));
    }

    /** The parameters of one part of the model. */
    public static List<ParameterSpec> of(ModelConfig config, ModelPart part) {
        DecoderSpecs specs = new DecoderSpecs(config);
        List<ParameterSpec> all = new ArrayList<>();
        boolean tiedHead = part.hasHead() && config.tiedEmbeddings();
        if (part.hasEmbedding() || tiedHead) {
            all.add(specs.embedding());
        }
        for (int layer = part.firstLayer(); layer < part.firstLayer() + part.layers(); layer++) {
            all.addAll(specs.block(layer));
        }
        if (part.hasHead()) {
            all.add(norm(FINAL_NORM, "model.norm.weight", specs.embed));
            if (!config.tiedEmbeddings()) {
                all.add(ParameterSpec.of(HEAD, specs.matrix("lm_head.weight", Dim.of(Kind.VOCAB, config.vocabularySize()), specs.embed, Scale.PLAIN)));
            }
        }
        return List.copyOf(all);
    }

    /** Prefix of Megatron's names of a layer. */
    public static String layer(int index) {
        return "decoder.layers." + index + ".";
    }

    private enum Scale { PLAIN, RESIDUAL }

    private ParameterSpec embedding() {
        return ParameterSpec.of(EMBEDDING, matrix("model.embed_tokens.weight", Dim.of(Kind.VOCAB, config.vocabularySize()), embed, Scale.PLAIN));
    }

    private List<ParameterSpec> block(int index) {
        String ours = layer(index);
        String theirs = "model.layers." + index + ".";
        Dim headDim = Dim.of(Kind.HEAD, config.headSize());
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(norm(ours + "self_attention.linear_qkv.layer_norm_weight", theirs + "input_layernorm.weight", embed));
        specs.add(ParameterSpec.of(ours + "self_attention.linear_qkv.weight", qkv(theirs, ".weight")));
        if (config.qkvBias()) {
            specs.add(ParameterSpec.of(ours + "self_attention.linear_qkv.bias", qkv(theirs, ".bias")));
        }
        if (config.family().queryKeyNorm()) {
            specs.add(norm(ours + "self_attention.q_layernorm.weight", theirs + "self_attn.q_norm.weight", headDim));
            specs.add(norm(ours + "self_attention.k_layernorm.weight", theirs + "self_attn.k_norm.weight", headDim));
        }
        specs.add(ParameterSpec.of(ours + "self_attention.linear_proj.weight",
                matrix(theirs + "self_attn.o_proj.weight", embed, heads(), Scale.RESIDUAL)));
        if (config.outputBias()) {
            specs.add(ParameterSpec.of(ours + "self_attention.linear_proj.bias", bias(theirs + "self_attn.o_proj.bias", embed)));
        }
        specs.addAll(feedForward(ours + "mlp.", theirs));
        return specs;
    }

    private List<ParameterSpec> feedForward(String ours, String theirs) {
        Dim ffn = Dim.of(Kind.FFN, config.ffnSize());
        String mlp = theirs + "mlp.";
        List<ParameterSpec> specs = new ArrayList<>();
        specs.add(norm(ours + "linear_fc1.layer_norm_weight", theirs + "post_attention_layernorm.weight", embed));
        specs.add(ParameterSpec.of(ours + "linear_fc1.weight", matrix(mlp + "gate_proj.weight", ffn, embed, Scale.PLAIN),
                matrix(mlp + "up_proj.weight", ffn, embed, Scale.PLAIN)));
        if (config.mlpBias()) {
            specs.add(ParameterSpec.of(ours + "linear_fc1.bias", bias(mlp + "gate_proj.bias", ffn), bias(mlp + "up_proj.bias", ffn)));
        }
        specs.add(ParameterSpec.of(ours + "linear_fc2.weight", matrix(mlp + "down_proj.weight", embed, ffn, Scale.RESIDUAL)));
        if (config.mlpBias()) {
            specs.add(ParameterSpec.of(ours + "linear_fc2.bias", bias(mlp + "down_proj.bias", embed)));
        }
        return specs;
    }

    private TensorSpec[] qkv(String theirs, String suffix) {
        Dim kvHeads = new Dim(Kind.KV_HEADS, config.kvHeads(), config.headSize());
        String[] names = {"q_proj", "k_proj", "v_proj"};
        Dim[] rows = {heads(), kvHeads, kvHeads};
        TensorSpec[] parts = new TensorSpec[names.length];
        for (int i = 0; i < names.length; i++) {
            String name = theirs + "self_attn." + names[i] + suffix;
            parts[i] = suffix.equals(".bias") ? bias(name, rows[i]) : matrix(name, rows[i], embed, Scale.PLAIN);
        }
        return parts;
    }

    private Dim heads() {
        return new Dim(Kind.HEADS, config.heads(), config.headSize());
    }

    private TensorSpec matrix(String name, Dim rows, Dim columns, Scale scale) {
        double deviation = config.initializerRange() / (scale == Scale.RESIDUAL ? Math.sqrt(2.0 * config.layers()) : 1);
        return new TensorSpec(name, List.of(rows, columns), Initialisation.normal(deviation));
    }

    private static TensorSpec bias(String name, Dim dim) {
        return new TensorSpec(name, List.of(dim), Initialisation.constant(0));
    }

    private static ParameterSpec norm(String ours, String theirs, Dim dim) {
        return ParameterSpec.of(ours, new TensorSpec(theirs, List.of(dim), Initialisation.constant(1)));
    }
}
