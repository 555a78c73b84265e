package ai.sparktron.trainer.train;

import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.EngineOptions;
import ai.sparktron.trainer.config.Fp8Options;
import ai.sparktron.trainer.config.LearningRateOptions;
import ai.sparktron.trainer.config.MoeOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.ParallelOptions;
import ai.sparktron.trainer.config.PreferenceOptions;
import ai.sparktron.trainer.config.RecomputeOptions;
import ai.sparktron.trainer.data.RowOrder;
import ai.sparktron.trainer.data.TrainingLength;
import ai.sparktron.trainer.kernels.DropPolicy;
import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.layer.Balancing;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Fp8;
import ai.sparktron.trainer.layer.Fp8Settings;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.optimizer.LearningRateSchedule;
import ai.sparktron.trainer.parallel.FlatBuckets;
import ai.sparktron.trainer.parallel.KeyExchange;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageLayout;
import ai.sparktron.trainer.parallel.StageSplit;
import ai.sparktron.trainer.parallel.TokenExchange;
import ai.sparktron.trainer.preference.Divergence;
import ai.sparktron.trainer.preference.LabelledLoss;
import ai.sparktron.trainer.preference.LossType;
import ai.sparktron.trainer.preference.PreferenceLoss;
import ai.sparktron.trainer.preference.RewardLoss;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tuner.Tuning;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** What the options mean to the parts of a run. Pure functions. */
public final class RunSetup {

    private static final long DEVICE_CHUNK_BYTES = 1L << 30;

    private RunSetup() {
    }

    /** {@code train_iters}, or the steps of {@code max_epochs} over these rows. */
    static long trainIters(Options options, long rows) {
        return options.training().trainIters().orElseGet(() -> TrainingLength.trainIters(rows, options.training().globalBatchSize(),
                options.training().maxEpochs().orElseThrow(() -> new IllegalArgumentException("neither --train_iters nor --max_epochs is given; give one"))));
    }

    static LearningRateSchedule schedule(Options options, long trainIters) {
        LearningRateOptions rates = options.learningRate();
        long decay = rates.lrDecayIters().orElse(trainIters);
        double warmup = rates.lrWarmupFraction().map(fraction -> fraction * decay).orElse((double) rates.lrWarmupIters());
        LearningRateSchedule.Style style = switch (rates.lrDecayStyle()) {
            case COSINE -> LearningRateSchedule.Style.COSINE;
            case LINEAR -> LearningRateSchedule.Style.LINEAR;
            case CONSTANT -> LearningRateSchedule.Style.CONSTANT;
            case INVERSE_SQUARE_ROOT -> LearningRateSchedule.Style.INVERSE_SQUARE_ROOT;
            case WSD -> LearningRateSchedule.Style.WSD;
        };
        return new LearningRateSchedule(style, options.derived().lr(), rates.minLr(), warmup, decay, 0);
    }

    /**
     * What is computed again. Attention never keeps its scores, so {@code core_attn}, where it is only the default, is nothing more to do: computing its output again
     * would cost an attention forward and save one activation of the width of the stream. Where it is asked for, the output is computed again.
     */
    public static Recompute recompute(Options all) {
        RecomputeOptions options = all.recompute();
        return switch (options.recomputeGranularity()) {
            case NONE -> Recompute.none();
            case SELECTIVE -> {
                Set<Recompute.Module> modules = EnumSet.noneOf(Recompute.Module.class);
                for (String module : options.recomputeModules()) {
                    if (!module.equals("core_attn") || all.given("recompute_modules")) {
                        modules.add(Recompute.Module.valueOf(module.toUpperCase(Locale.ROOT)));
                    }
                }
                yield modules.isEmpty() ? Recompute.none() : Recompute.selective(modules);
            }
            case FULL -> Recompute.full(options.recomputeMethod().map(method -> Recompute.Method.valueOf(method.name())).orElse(null),
                    options.recomputeNumLayers().orElse(0));
        };
    }

    /**
     * Largest size of the logits of a loss that exist at a time: on a GPU enough for its products to run at their full rate (a chunk of 256 MiB measured slower on an H200
     * with 152,000 entries), on the CPU little.
     */
    public static long chunkBytes(Options options) {
        return options.engine().engine() == EngineOptions.Engine.CUDA ? DEVICE_CHUNK_BYTES : DecoderModel.Options.DEFAULT_CHUNK_BYTES;
    }

    /** What data-parallel ranks share out. */
    enum Sharing {
        NOTHING, OPTIMIZER, GRADIENTS, PARAMETERS;

        /** Whether ranks hold shares of one model, not replicas. */
        boolean ofModel() {
            return this == GRADIENTS || this == PARAMETERS;
        }
    }

    /** {@code data_parallel_sharding_strategy} where it counts, else {@code use_distributed_optimizer}. */
    static Sharing sharing(ParallelOptions options) {
        if (!options.useMegatronFsdp()) {
            return options.useDistributedOptimizer() ? Sharing.OPTIMIZER : Sharing.NOTHING;
        }
        return switch (options.dataParallelShardingStrategy().orElse("optim_grads_params")) {
            case "no_shard" -> Sharing.NOTHING;
            case "optim" -> Sharing.OPTIMIZER;
            case "optim_grads" -> Sharing.GRADIENTS;
            default -> Sharing.PARAMETERS;
        };
    }

    /** How ranks on the axes of the mesh work together. */
    public static ParallelPlan.Settings planSettings(Options all) {
        ParallelOptions options = all.parallel();
        KeyExchange exchange = switch (options.cpCommType()) {
            case "p2p" -> KeyExchange.RING;
            case "all_gather" -> KeyExchange.GATHER;
            case "a2a" -> KeyExchange.HEADS;
            default -> throw new IllegalStateException("cp_comm_type " + options.cpCommType() + " is refused when options are parsed");
        };
        TokenExchange direct = all.moe().moeSharedExpertOverlap() ? TokenExchange.ALL_TO_ALL_BESIDE : TokenExchange.ALL_TO_ALL;
        TokenExchange tokens = all.moe().moeTokenDispatcherType().equals("allgather") ? TokenExchange.ALL_GATHER : direct;
        return new ParallelPlan.Settings(options.sequenceParallel(), exchange, stages(options), tokens);
    }

    /** How experts are kept evenly used. */
    static Balancing balancing(Options options, ModelConfig config) {
        MoeOptions moe = options.moe();
        String type = moe.moeRouterLoadBalancingType().stream().findFirst().orElse(config.latent() != null ? "seq_aux_loss" : "aux_loss");
        boolean adds = type.equals("aux_loss") || type.equals("seq_aux_loss");
        return new Balancing(type.equals("seq_aux_loss") ? Balancing.Loss.DOCUMENT : Balancing.Loss.MICRO_BATCH, adds ? moe.moeAuxLossCoeff() : 0,
                moe.moeZLossCoeff().orElse(0.0), type.equals("sinkhorn") ? Balancing.Choice.SINKHORN : Balancing.Choice.SCORES,
                moe.moeExpertCapacityFactor().orElse(0.0), DropPolicy.valueOf(moe.moeTokenDropPolicy().toUpperCase(Locale.ROOT)));
    }

    /**
     * Step of the biases that choose experts; 0 = they stay.
     *
     * @throws IllegalArgumentException when the model has no such biases and they are asked for
     */
    static double biasRate(Options options, ModelConfig config, Tuning tuning) {
        MoeOptions moe = options.moe();
        boolean has = config.experts() != null && config.experts().router().selection();
        if (moe.moeRouterEnableExpertBias().orElse(false) && !has) {
            throw new IllegalArgumentException("--moe_router_enable_expert_bias true: " + config.family().name() + " chooses experts without biases; leave it out and"
                    + " take --moe_aux_loss_coeff");
        }
        return has && tuning.peft().isEmpty() && moe.moeRouterEnableExpertBias().orElse(true) ? moe.moeRouterBiasUpdateRate() : 0;
    }

    /** The grid of so many ranks. @throws IllegalArgumentException when sizes do not fit; names the option */
    public static Mesh mesh(Options options, int ranks) {
        ParallelOptions sizes = options.parallel();
        return Mesh.of(ranks, sizes.tensorModelParallelSize(), sizes.pipelineModelParallelSize(), sizes.contextParallelSize(),
                options.moe().expertModelParallelSize(), options.moe().expertTensorParallelSize());
    }

    /** Which pipeline stage holds which layers. @throws IllegalArgumentException when they cannot be dealt as the options say */
    public static StageLayout layout(ParallelOptions options, int layers) {
        return StageLayout.of(stages(options), options.pipelineModelParallelSize(), layers);
    }

    private static StageSplit stages(ParallelOptions options) {
        return new StageSplit(options.decoderFirstPipelineNumLayers(), options.decoderLastPipelineNumLayers(), options.virtualPipelineModelParallelSize(),
                options.numLayersPerVirtualPipelineStage(), options.microbatchGroupSizePerVpStage(), options.pipelineModelParallelLayout());
    }

    /** @param ranks that hold the same parameters */
    static ParameterUpdate.Traffic traffic(ParallelOptions options, int ranks) {
        ParameterUpdate.Overlap overlap = options.overlapParamGather() ? ParameterUpdate.Overlap.REDUCTION_AND_GATHER
                : options.overlapGradReduce() ? ParameterUpdate.Overlap.REDUCTION : ParameterUpdate.Overlap.NOTHING;
        return new ParameterUpdate.Traffic(sharing(options) == Sharing.NOTHING ? ParameterUpdate.Sharding.REPLICATED : ParameterUpdate.Sharding.DISTRIBUTED,
                overlap, options.ddpBucketSize().map(Integer::longValue).orElseGet(() -> FlatBuckets.usualElements(ranks)));
    }

    static RowOrder order(Options options) {
        return switch (options.loader().dataloaderType()) {
            case CYCLIC -> RowOrder.SHUFFLED;
            case SINGLE -> RowOrder.SEQUENTIAL;
            case EXTERNAL -> throw new IllegalStateException("dataloader_type external is refused when options are parsed");
        };
    }

    static TokenLosses.Normalisation normalisation(Options options) {
        return options.training().calculatePerTokenLoss() ? TokenLosses.Normalisation.PER_TOKEN : TokenLosses.Normalisation.PER_MICRO_BATCH;
    }

    /** Whether a second, frozen model is asked before the policy. */
    static boolean hasReference(Options options) {
        return options.command() == Command.RLHF && !options.preference().referenceFree() && !options.trainsRewards();
    }

    /** What the documents of a run's rows are to each other. */
    static String rowForm(Options options) {
        return !options.trainsOnPairs() ? ShardMetadata.TOKENS : options.rlhfType().equals("kto") ? ShardMetadata.LABELLED : ShardMetadata.PAIRS;
    }

    static RewardLoss rewardLoss(PreferenceOptions options) {
        return new RewardLoss(options.centerRewardsCoefficient().orElse(0.0));
    }

    static LabelledLoss labelledLoss(PreferenceOptions options) {
        return new LabelledLoss(LabelledLoss.Type.of(options.losses().get(0)), options.beta(), options.desirableWeight(), options.undesirableWeight());
    }

    static PreferenceLoss preferenceLoss(PreferenceOptions options) {
        List<LossType> types = options.losses().stream().map(name -> LossType.valueOf(name.toUpperCase(Locale.ROOT))).toList();
        return new PreferenceLoss(types, options.beta(), options.labelSmoothing(), Divergence.valueOf(options.fDivergenceType().toUpperCase(Locale.ROOT)));
    }

    /**
     * How linears multiply in eight bits; empty = they do not.
     *
     * @throws IllegalArgumentException beside float16, which finds its scale by overflows that saturating numbers do not have
     */
    static Optional<Fp8Settings> fp8(Options options, DType values) {
        Fp8Options fp8 = options.fp8();
        if (fp8.fp8Format().isPresent() && values == DType.F16) {
            throw new IllegalArgumentException("--fp8_format " + fp8.fp8Format().get() + " with weights in float16: take --bf16 true");
        }
        return fp8.fp8Format().map(format -> new Fp8Settings(Fp8Settings.Recipe.valueOf(fp8.fp8Recipe().toUpperCase(Locale.ROOT)),
                format.equals("hybrid") ? DType.F8_E5M2 : DType.F8_E4M3, fp8.fp8AmaxHistoryLen(),
                Fp8Kernels.Outlook.valueOf(fp8.fp8AmaxComputeAlgo().toUpperCase(Locale.ROOT))));
    }

    /**
     * Eight bits must be used where they are asked for.
     *
     * @param fp8OrNull after the layers were made
     * @throws IllegalArgumentException when there are layers but none has a linear for it
     */
    static void requireLinears(Fp8 fp8OrNull, List<ModelPart> parts) {
        if (fp8OrNull != null && fp8OrNull.linears() == 0 && parts.stream().anyMatch(part -> part.layers() > 0)) {
            throw new IllegalArgumentException("--fp8_format: no linear of these layers has rows and columns that are multiples of " + Quantised.MULTIPLE
                    + " as it is cut here; leave the option out, or lower --tensor_model_parallel_size");
        }
    }
}
