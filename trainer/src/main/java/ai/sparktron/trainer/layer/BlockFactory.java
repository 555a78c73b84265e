package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ExpertsConfig;
import ai.sparktron.trainer.model.LatentConfig;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.RouterConfig;
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

    /** The transformer block of a layer that predicts tokens further on. @param index of the layer, from 0 */
    StreamLayer prediction(int index) {
        StreamLayer block = block(config.layers() + index);
        return options.recompute().granularity() == Recompute.Granularity.FULL ? new Recomputed("recomputed.mtp." + index, block) : block;
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
        String prefix = DecoderSpecs.block(config, index);
        boolean experts = config.hasExperts(index);
        Branch feedForward = experts ? experts(prefix + "mlp", index) : feedForward(prefix + "mlp");
        if (options.recompute().has(experts ? Recompute.Module.MOE : Recompute.Module.MLP)) {
            feedForward = new RecomputedBranch(prefix + "mlp.again", feedForward);
        }
        boolean latent = config.latent() != null;
        return new Block(prefix + "block", norm(prefix + (latent ? "input_layernorm.weight" : "self_attention.linear_qkv.layer_norm_weight")),
                latent ? latentAttention(prefix + "self_attention", index, config.latent()) : attention(prefix + "self_attention", index),
                norm(prefix + (experts ? "pre_mlp_layernorm.weight" : "mlp.linear_fc1.layer_norm_weight")), feedForward);
    }

    private Branch attention(String name, int index) {
        Parameter weight = parameters.get(name + ".linear_qkv.weight");
        int headSize = config.headSize();
        AttentionShape shape = new AttentionShape((int) (weight.slices().get(0).rows() / headSize), (int) (weight.slices().get(1).rows() / headSize), headSize,
                headSize, (float) config.attentionScale());
        SelfAttention.Settings settings = new SelfAttention.Settings(name, index, shape, options.recompute().has(Recompute.Module.CORE_ATTN));
        boolean normed = config.family().queryKeyNorm();
        return new SelfAttention(settings, linear(name + ".linear_qkv"), normed ? norm(name + ".q_layernorm.weight") : null,
                normed ? norm(name + ".k_layernorm.weight") : null, linearWithoutBias(name + ".linear_proj"), orNull(name + ".linear_proj.bias"),
                options.seams().attention(), options.seams().region());
    }

    private Branch latentAttention(String name, int index, LatentConfig latent) {
        int heads = (int) (parameters.get(name + ".linear_kv_up_proj.weight").value().rows() / (latent.plainSize() + latent.valueSize()));
        AttentionShape shape = new AttentionShape(heads, heads, latent.headSize(), latent.valueSize(), (float) config.attentionScale());
        LatentAttention.Settings settings = new LatentAttention.Settings(name, index, shape, latent.rotarySize(),
                latent.pairs() ? RopeLayout.PAIRS : RopeLayout.HALVES, options.recompute().has(Recompute.Module.CORE_ATTN),
                options.recompute().has(Recompute.Module.MLA_UP_PROJ));
        boolean narrow = latent.queryRank() > 0;
        LatentAttention.Projections projections = new LatentAttention.Projections(narrow ? linear(name + ".linear_q_down_proj") : null,
                narrow ? latentNorm(name + ".linear_q_up_proj") : null, linear(name + (narrow ? ".linear_q_up_proj" : ".linear_q_proj")),
                linear(name + ".linear_kv_down_proj"), latentNorm(name + ".linear_kv_up_proj"), linear(name + ".linear_kv_up_proj"),
                linearWithoutBias(name + ".linear_proj"));
        return new LatentAttention(settings, projections, orNull(name + ".linear_proj.bias"), options.seams().attention(), options.seams().region());
    }

    private Branch feedForward(String name) {
        return new FeedForward(name, linear(name + ".linear_fc1"), linearWithoutBias(name + ".linear_fc2"), orNull(name + ".linear_fc2.bias"),
                options.seams().region());
    }

    private Branch experts(String name, int index) {
        ExpertsConfig experts = config.experts();
        RouterConfig how = experts.router();
        RoutingRule rule = new RoutingRule(experts.experts(), how.chosen(), RoutingRule.Score.valueOf(how.score().name()), how.groups(), how.chosenGroups(),
                how.groupBest(), how.normalise(), (float) how.scale());
        RouterBalance balance = options.counts() == null ? null
                : new RouterBalance(index, rule, options.balancing(), options.counts(), options.seams().region(), options.seams().tokens());
        Router router = new Router(scores(name + ".router.weight", how.arithmetic()), orNull(name + ".router.expert_bias"), rule, options.balancing(), balance,
                options.seams());
        return new MixtureOfExperts(name, router, expertLinear(name + ".experts.linear_fc1.weight"), expertLinear(name + ".experts.linear_fc2.weight"),
                experts.sharedSize() == 0 ? null : sharedExperts(name + ".shared_experts"), options.seams().dispatcher());
    }

    private Branch sharedExperts(String name) {
        if (!config.experts().sharedGate()) {
            return feedForward(name);
        }
        return new GatedExperts(name, linear(name + ".linear_fc1"), linearWithoutBias(name + ".linear_fc2"),
                scores(name + ".gate_weight", RouterConfig.Arithmetic.FP32),
                options.seams().region());
    }

    private Linear linear(String name) {
        return linear(parameters.get(name + ".weight"), orNull(name + ".bias"));
    }

    /** Whose bias, if there is one, is added once where ranks' shares are summed. */
    private Linear linearWithoutBias(String name) {
        return linear(parameters.get(name + ".weight"), null);
    }

    private ExpertLinear expertLinear(String name) {
        Parameter weight = parameters.get(name);
        return LoraExperts.over(new DenseExperts(weight), weight, parameters, options.adapters());
    }

    private ScoreLinear scores(String name, RouterConfig.Arithmetic arithmetic) {
        Parameter weight = parameters.get(name);
        return new ScoreLinear(weight, ScoreAddition.of(weight, parameters, options.adapters()), arithmetic);
    }

    /** Every product with a weight of the model, but those of experts and of scores, is made here. @param bias null = none */
    private Linear linear(Parameter weight, Parameter bias) {
        Fp8 fp8 = options.fp8();
        Linear base = fp8 != null && fp8.takes(weight) ? new Fp8Linear(weight, bias, fp8) : new DenseLinear(weight, bias);
        return LoraLinear.over(base, weight, parameters, options.adapters());
    }

    private Norm norm(String name) {
        return new Norm(parameters.get(name), config.normEpsilon());
    }

    private Norm latentNorm(String name) {
        return new Norm(parameters.get(name + ".layer_norm_weight"), LatentConfig.NORM_EPSILON);
    }

    private Parameter orNull(String name) {
        return parameters.has(name) ? parameters.get(name) : null;
    }
}
