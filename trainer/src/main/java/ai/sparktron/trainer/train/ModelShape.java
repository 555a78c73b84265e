package ai.sparktron.trainer.train;

import ai.sparktron.trainer.config.ArchitectureOptions;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigOverrides;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.MlaOptions;
import ai.sparktron.trainer.config.MoeOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ExpertsConfig;
import ai.sparktron.trainer.model.LatentConfig;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Prediction;
import ai.sparktron.trainer.model.RouterConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/** The shape of a run's model: its config.json with the sizes that options give, held to whatever else options say of it. */
public final class ModelShape {

    private static final Set<Command> TRAINING = Set.of(Command.PT, Command.SFT, Command.RLHF);

    private final ModelConfig config;
    private final List<String> problems = new ArrayList<>();

    private ModelShape(ModelConfig config) {
        this.config = config;
    }

    /**
     * Reads a {@code config.json}.
     *
     * @throws ConfigurationException   when options say of the model what it is not; names all of them
     * @throws IllegalArgumentException when there is no such model
     */
    public static ModelConfig read(Options options, Path file) throws IOException {
        String text = ConfigOverrides.apply(options, Files.readString(file));
        ModelConfig config = ConfigReader.parse(options.trainsRewards() ? ConfigReader.scoring(text, file.toString()) : text, file.toString());
        require(options, config);
        return trained(options, config);
    }

    /** The model as options train it: with layers that predict tokens further on, and with the router's arithmetic. */
    static ModelConfig trained(Options options, ModelConfig config) {
        ArchitectureOptions given = options.architecture();
        if (given.mtpNumLayers().isPresent() && options.command() == Command.RLHF) {
            throw new ConfigurationException("--mtp_num_layers " + given.mtpNumLayers().get() + " trains on next tokens and excludes rlhf; leave it out, and the layers are"
                    + " kept as they are");
        }
        ModelConfig routed = config.routedIn(RouterConfig.Arithmetic.valueOf(options.moe().moeRouterDtype().toUpperCase(Locale.ROOT)));
        return routed.predicting(given.mtpNumLayers().map(layers -> new Prediction(layers, given.mtpLossScalingFactor())).orElse(Prediction.NONE));
    }

    /** Holds a model to the options. @throws ConfigurationException when they say of it what it is not; names all of them */
    public static void require(Options options, ModelConfig config) {
        ModelShape shape = new ModelShape(config);
        shape.head(options);
        shape.decoder(options.architecture());
        shape.experts(options.moe());
        shape.router(options.moe());
        shape.latent(options.mla());
        if (!shape.problems.isEmpty()) {
            throw new ConfigurationException(shape.problems);
        }
    }

    private void head(Options options) {
        if (config.scores() && TRAINING.contains(options.command()) && !options.trainsRewards()) {
            problems.add("the model (" + config.architecture() + ", config.json) gives answers rewards and has no vocabulary to predict tokens with: train it with rlhf"
                    + " --rlhf_type rm, or give a " + config.family().architecture());
        }
    }

    private void decoder(ArchitectureOptions given) {
        boolean latent = config.latent() != null;
        agree("rotary_percent", given.rotaryPercent(), 1.0);
        agree("rotary_interleaved", given.rotaryInterleaved(), latent && config.latent().pairs());
        agree("swiglu", given.swiglu(), true);
        agree("disable_bias_linear", given.disableBiasLinear(), !config.outputBias() && !config.mlpBias());
        agree("add_qkv_bias", given.addQkvBias(), config.qkvBias());
        // Latents are normalised.
        agree("qk_layernorm", given.qkLayernorm(), latent || config.family().queryKeyNorm());
    }

    private void experts(MoeOptions given) {
        ExpertsConfig experts = config.experts();
        agree("num_experts", given.numExperts(), experts == null ? 0 : experts.experts());
        agree("moe_ffn_hidden_size", given.moeFfnHiddenSize(), experts == null ? 0 : experts.ffnSize());
        agree("moe_shared_expert_intermediate_size", given.moeSharedExpertIntermediateSize(), experts == null ? 0 : experts.sharedSize());
        if (given.moeSharedExpertOverlap() && (experts == null || experts.sharedSize() == 0)) {
            problems.add("--moe_shared_expert_overlap true: the model (" + config.family().name() + ", config.json) has no shared experts that could run while tokens"
                    + " travel; leave it out");
        }
        given.moeLayerFreq().ifPresent(pattern -> {
            List<Boolean> layers = IntStream.range(0, config.layers()).mapToObj(config::hasExperts).toList();
            try {
                if (!LayerPattern.of(pattern, config.layers()).equals(layers)) {
                    problems.add("--moe_layer_freq " + pattern + ": of the layers of this model (" + config.family().name() + ", config.json) these have experts: "
                            + layers.stream().map(has -> has ? "1" : "0").toList() + "; leave it out, or change config.json");
                }
            } catch (IllegalArgumentException e) {
                problems.add(e.getMessage());
            }
        });
    }

    private void router(MoeOptions given) {
        RouterConfig router = config.experts() == null ? null : config.experts().router();
        agree("moe_router_topk", given.moeRouterTopk(), router == null ? 0 : router.chosen());
        agree("moe_router_topk_scaling_factor", given.moeRouterTopkScalingFactor(), router == null ? 0 : router.scale());
        agree("moe_router_num_groups", given.moeRouterNumGroups(), router == null ? 0 : router.groups());
        agree("moe_router_group_topk", given.moeRouterGroupTopk(), router == null ? 0 : router.chosenGroups());
        agree("moe_router_score_function", given.moeRouterScoreFunction(), router == null ? "none" : router.score().name().toLowerCase(Locale.ROOT));
        boolean softmax = router != null && router.score() == RouterConfig.Score.SOFTMAX;
        agree("moe_router_pre_softmax", given.moeRouterPreSoftmax(), softmax && !router.normalise());
    }

    private void latent(MlaOptions given) {
        LatentConfig latent = config.latent();
        agree("multi_latent_attention", given.multiLatentAttention(), latent != null);
        agree("q_lora_rank", given.qLoraRank(), latent == null ? 0 : latent.queryRank());
        agree("kv_lora_rank", given.kvLoraRank(), latent == null ? 0 : latent.keyValueRank());
        agree("qk_head_dim", given.qkHeadDim(), latent == null ? 0 : latent.plainSize());
        agree("qk_pos_emb_head_dim", given.qkPosEmbHeadDim(), latent == null ? 0 : latent.rotarySize());
    }

    private <V> void agree(String option, Optional<V> given, V actual) {
        given.filter(value -> !value.equals(actual)).ifPresent(value -> problems.add("--" + option + " " + value + ": the model (" + config.family().name()
                + ", config.json) has " + actual + "; leave the option out, or change config.json"));
    }
}
