package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import java.util.ArrayList;
import java.util.List;

/** Makes the blocks of a model from its configuration and parameters, and wraps in them what is computed again. */
final class BlockFactory {

    private final ModelConfig config;
    private final DecoderModel.Options options;
    private final Parameters parameters;

    /** @param parameters at least those that {@link DecoderSpecs} lists for the part of {@code options} */
    BlockFactory(ModelConfig config, DecoderModel.Options options, Parameters parameters) {
        this.config = config;
        this.options = options;
        this.parameters = parameters;
    }

    /**
     * All blocks of the part, one after the other; null when it has none.
     *
     * @param use hears when they use their parameters
     */
    StreamLayer blocks(ParameterUse use) {
        List<StreamLayer> layers = new ArrayList<>();
        for (int i = 0; i < options.part().layers(); i++) {
            int index = options.part().firstLayer() + i;
            String prefix = DecoderSpecs.layer(index);
            List<Parameter> own = parameters.all().stream().filter(parameter -> parameter.spec().name().startsWith(prefix)).toList();
            layers.add(use == ParameterUse.NONE ? block(index) : new Announced(block(index), own, use));
        }
        return layers.isEmpty() ? null : recomputed(layers);
    }

    private StreamLayer recomputed(List<StreamLayer> layers) {
        Recompute recompute = options.recompute();
        if (recompute.granularity() != Recompute.Granularity.FULL) {
            return new Chain("blocks", layers);
        }
        List<StreamLayer> wrapped = new ArrayList<>();
        boolean uniform = recompute.method() == Recompute.Method.UNIFORM;
        int together = uniform ? recompute.layers() : 1;
        for (int i = 0; i < layers.size(); i += together) {
            Chain chain = new Chain("layers." + i, layers.subList(i, Math.min(layers.size(), i + together)));
            wrapped.add(uniform || i < recompute.layers() ? new Recomputed("recomputed." + i, chain) : layers.get(i));
        }
        return new Chain("blocks", wrapped);
    }

    private StreamLayer block(int index) {
        String prefix = DecoderSpecs.layer(index);
        Branch feedForward = feedForward(prefix + "mlp");
        if (options.recompute().has(Recompute.Module.MLP)) {
            feedForward = new RecomputedBranch(prefix + "mlp.again", feedForward);
        }
        return new Block(prefix + "block", norm(prefix + "self_attention.linear_qkv.layer_norm_weight"), attention(prefix + "self_attention", index),
                norm(prefix + "mlp.linear_fc1.layer_norm_weight"), feedForward);
    }

    private Branch attention(String name, int index) {
        Parameter weight = parameters.get(name + ".linear_qkv.weight");
        int headSize = config.headSize();
        AttentionShape shape = new AttentionShape((int) (weight.slices().get(0).rows() / headSize), (int) (weight.slices().get(1).rows() / headSize), headSize,
                headSize, (float) (1 / Math.sqrt(headSize)));
        SelfAttention.Settings settings = new SelfAttention.Settings(name, index, shape, options.recompute().has(Recompute.Module.CORE_ATTN));
        boolean normed = config.family().queryKeyNorm();
        return new SelfAttention(settings, linear(weight, orNull(name + ".linear_qkv.bias")), normed ? norm(name + ".q_layernorm.weight") : null,
                normed ? norm(name + ".k_layernorm.weight") : null, linear(parameters.get(name + ".linear_proj.weight"), null),
                orNull(name + ".linear_proj.bias"), options.seams().attention(), options.seams().region());
    }

    private Branch feedForward(String name) {
        return new FeedForward(name, linear(parameters.get(name + ".linear_fc1.weight"), orNull(name + ".linear_fc1.bias")),
                linear(parameters.get(name + ".linear_fc2.weight"), null), orNull(name + ".linear_fc2.bias"), options.seams().region());
    }

    /** Every product with a weight of the model is made here. @param bias null = none */
    private static Linear linear(Parameter weight, Parameter bias) {
        return new DenseLinear(weight, bias);
    }

    private Norm norm(String name) {
        return new Norm(parameters.get(name), config.normEpsilon());
    }

    private Parameter orNull(String name) {
        return parameters.has(name) ? parameters.get(name) : null;
    }
}
