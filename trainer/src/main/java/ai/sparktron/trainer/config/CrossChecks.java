package ai.sparktron.trainer.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Options that do not fit one another; every message names both and says what to change. */
final class CrossChecks {

    private final Options options;
    private final List<String> problems = new ArrayList<>();

    private CrossChecks(Options options) {
        this.options = options;
    }

    /** What is wrong between options, whatever is still missing. */
    static List<String> problems(Options options) {
        CrossChecks checks = new CrossChecks(options);
        checks.grid();
        checks.overlap();
        checks.recompute();
        checks.schedule();
        checks.data();
        checks.experts();
        checks.predictions();
        checks.tuning();
        checks.attention();
        checks.export();
        checks.eightBits();
        checks.problems.addAll(PreferenceChecks.problems(options));
        return List.copyOf(checks.problems);
    }

    /** What a complete command line still lacks. */
    static List<String> missing(Options options) {
        CrossChecks checks = new CrossChecks(options);
        checks.missing();
        checks.problems.addAll(PreferenceChecks.missing(options));
        return List.copyOf(checks.problems);
    }

    private void require(boolean holds, String problem) {
        if (!holds) {
            problems.add(problem);
        }
    }

    private void grid() {
        ParallelOptions parallel = options.parallel();
        TrainingOptions training = options.training();
        int model = parallel.modelParallelSize();
        Derived derived = options.derived();
        int ranks = derived.numRanks();
        require(ranks % model == 0, "--num_ranks " + ranks + " is not a multiple of tensor_model_parallel_size x pipeline_model_parallel_size x context_parallel_size = "
                + parallel.tensorModelParallelSize() + " x " + parallel.pipelineModelParallelSize() + " x " + parallel.contextParallelSize() + " = " + model
                + "; take " + (ranks / model + 1) * model + " ranks or smaller sizes");
        long round = (long) training.microBatchSize() * derived.dataParallelSize();
        require(!options.command().trains() && options.command() != Command.PLAN || training.globalBatchSize() % round == 0, "--global_batch_size " + training.globalBatchSize() + " is not a multiple of --micro_batch_size "
                + training.microBatchSize() + " x data-parallel size " + derived.dataParallelSize() + " = " + round + "; take "
                + (training.globalBatchSize() / round + 1) * round);
        int chunks = 2 * parallel.contextParallelSize();
        derived.rowLength().ifPresent(length -> require(parallel.contextParallelSize() == 1 || length % chunks == 0, "--max_length " + length
                + " (--packing_length where rows are packed) is not a multiple of 2 x --context_parallel_size " + parallel.contextParallelSize() + " = " + chunks
                + "; take " + (length / chunks + 1) * chunks));
        stages("decoder_first_pipeline_num_layers", parallel.decoderFirstPipelineNumLayers());
        stages("decoder_last_pipeline_num_layers", parallel.decoderLastPipelineNumLayers());
        stages("virtual_pipeline_model_parallel_size", parallel.virtualPipelineModelParallelSize().filter(count -> count > 1));
        stages("num_layers_per_virtual_pipeline_stage", parallel.numLayersPerVirtualPipelineStage());
        stages("microbatch_group_size_per_vp_stage", parallel.microbatchGroupSizePerVpStage());
        stages("pipeline_model_parallel_layout", parallel.pipelineModelParallelLayout());
    }

    /** How layers are dealt to stages is checked when their number is known. */
    private void stages(String name, Optional<?> option) {
        option.ifPresent(value -> require(options.parallel().pipelineModelParallelSize() > 1,
                "--" + name + " " + value + " needs --pipeline_model_parallel_size above 1"));
    }

    private void overlap() {
        ParallelOptions parallel = options.parallel();
        boolean sequence = parallel.sequenceParallel() && parallel.tensorModelParallelSize() > 1;
        require(!parallel.tpCommOverlap() || sequence, "--tp_comm_overlap true needs --sequence_parallel true and --tensor_model_parallel_size above 1; leave it out without them");
        require(parallel.dataParallelShardingStrategy().isEmpty() || parallel.useMegatronFsdp(), "--data_parallel_sharding_strategy "
                + parallel.dataParallelShardingStrategy().orElse("") + " needs --use_megatron_fsdp true");
        require(!parallel.overlapParamGather() || parallel.useDistributedOptimizer(), "--overlap_param_gather true needs --use_distributed_optimizer true, since only ranks that own"
                + " shares gather; leave one out");
        require(!parallel.overlapParamGather() || parallel.overlapGradReduce(), "--overlap_param_gather true needs --overlap_grad_reduce true; give both or neither");
        require(!options.fp8().fp8ParamGather() || parallel.useDistributedOptimizer(), "--fp8_param_gather true needs --use_distributed_optimizer true; leave one out");
        OptimizerOptions optimizer = options.optimizer();
        require(!optimizer.optimizerCpuOffload() || optimizer.usePrecisionAwareOptimizer(),
                "--optimizer_cpu_offload true needs --use_precision_aware_optimizer true; give both or neither");
        require(!optimizer.optimizerCpuOffload() || !sharesModel(), "--optimizer_cpu_offload true is for replicas; with --use_megatron_fsdp true and a strategy of"
                + " optim_grads or optim_grads_params each rank keeps a share of everything: use --use_distributed_optimizer true without FSDP, or leave it out");
        require(!optimizer.usePrecisionAwareOptimizer() || parallel.useDistributedOptimizer(),
                "--use_precision_aware_optimizer true needs --use_distributed_optimizer true");
        boolean allWide = Stream.of(optimizer.mainGradsDtype(), optimizer.mainParamsDtype(), optimizer.expAvgDtype(), optimizer.expAvgSqDtype()).allMatch("fp32"::equals);
        require(optimizer.usePrecisionAwareOptimizer() || allWide, "--main_grads_dtype, --main_params_dtype, --exp_avg_dtype and --exp_avg_sq_dtype other than fp32 need"
                + " --use_precision_aware_optimizer true");
        require(!optimizer.usePrecisionAwareOptimizer() || optimizer.optimizer() == OptimizerOptions.Kind.ADAM,
                "--use_precision_aware_optimizer true needs --optimizer adam");
        require(!options.packing().mlpPaddingFree() || !parallel.sequenceParallel(), "--mlp_padding_free true excludes --sequence_parallel true; keep one");
        PrecisionOptions precision = options.precision();
        boolean half = precision.fp16().orElse(false);
        boolean brain = precision.bf16().orElse(false);
        require(!(half && brain), "--fp16 true excludes --bf16 true; keep one");
        String type = precision.torchDtype().orElse("");
        require(!half || type.isEmpty() || type.equals("float16"), "--fp16 true excludes --torch_dtype " + type + "; keep one");
        require(!brain || type.isEmpty() || type.equals("bfloat16"), "--bf16 true excludes --torch_dtype " + type + "; keep one");
    }

    private void eightBits() {
        Fp8Options fp8 = options.fp8();
        for (String name : List.of("fp8_recipe", "fp8_amax_history_len", "fp8_amax_compute_algo")) {
            require(fp8.fp8Format().isPresent() || !options.given(name), "--" + name + " needs --fp8_format e4m3 or hybrid");
        }
        for (String name : List.of("fp8_amax_history_len", "fp8_amax_compute_algo")) {
            require(fp8.fp8Recipe().equals("delayed") || !options.given(name), "--" + name + " goes with --fp8_recipe delayed, not with " + fp8.fp8Recipe());
        }
        require(!fp8.fp8Recipe().equals("mxfp8"), "--fp8_recipe mxfp8 is for GPUs of compute capability 10.0 (Blackwell) on, and not built for these yet;"
                + " take blockwise, which has a scale for each block on Hopper, or tensorwise");
        require(fp8.fp8Format().isEmpty() || !options.precision().fp16().orElse(false), "--fp8_format " + fp8.fp8Format().orElse("")
                + " excludes --fp16 true, whose overflows it would hide; take --bf16 true");
        require(fp8.fp8Format().isEmpty() || options.engine().engine() != EngineOptions.Engine.ND4J || options.engine().kernels() == EngineOptions.HostKernels.HOST,
                "--fp8_format " + fp8.fp8Format().orElse("") + " excludes --kernels nd4j, which have no eight bits; take --kernels host");
    }

    private boolean sharesModel() {
        ParallelOptions parallel = options.parallel();
        return parallel.useMegatronFsdp() && parallel.dataParallelShardingStrategy().orElse("optim_grads").startsWith("optim_grads");
    }

    private void recompute() {
        RecomputeOptions recompute = options.recompute();
        boolean full = recompute.recomputeGranularity() == RecomputeOptions.Granularity.FULL;
        require(!full || recompute.recomputeMethod().isPresent(), "--recompute_granularity full needs --recompute_method uniform or block");
        require(!full || recompute.recomputeNumLayers().isPresent(), "--recompute_granularity full needs --recompute_num_layers, such as 1");
        String word = recompute.recomputeGranularity().name().toLowerCase(java.util.Locale.ROOT);
        require(full || recompute.recomputeMethod().isEmpty(), "--recompute_method goes with --recompute_granularity full, not with " + word + "; change one of them");
        require(full || recompute.recomputeNumLayers().isEmpty(), "--recompute_num_layers goes with --recompute_granularity full, not with " + word + "; change one of them");
        require(recompute.recomputeGranularity() == RecomputeOptions.Granularity.SELECTIVE || !options.given("recompute_modules"),
                "--recompute_modules goes with --recompute_granularity selective, not with " + word + "; change one of them");
        require(!recompute.recomputeModules().contains("moe_act") || options.moe().moeGroupedGemm(),
                "--recompute_modules moe_act needs --moe_grouped_gemm true; leave one out");
    }

    private void schedule() {
        LearningRateOptions rate = options.learningRate();
        require(rate.lrWarmupIters() == 0 || rate.lrWarmupFraction().isEmpty(), "--lr_warmup_iters " + rate.lrWarmupIters()
                + " excludes --lr_warmup_fraction " + rate.lrWarmupFraction().orElse(0.0) + "; keep one");
        double lr = options.derived().lr();
        require(rate.minLr() <= lr, "--min_lr " + rate.minLr() + " is above --lr " + lr + "; lower min_lr or raise lr");
        Optional<Long> decay = rate.lrDecayIters().or(() -> options.training().trainIters());
        decay.ifPresent(steps -> require(rate.lrWarmupIters() < steps || rate.lrWarmupIters() == 0, "--lr_warmup_iters " + rate.lrWarmupIters()
                + " is not below the " + steps + " steps of --lr_decay_iters (--train_iters where it is absent)"));
    }

    private void data() {
        DataOptions data = options.data();
        require(data.splitDatasetRatio() == 0 || data.valDataset().isEmpty(), "--split_dataset_ratio " + data.splitDatasetRatio()
                + " excludes --val_dataset; keep one");
        require(data.dataset().isEmpty() || data.cachedDataset().isEmpty(), "--dataset excludes --cached_dataset, which holds prepared rows; keep one");
        require(data.interleaveProb().isEmpty() || data.interleaveProb().size() == data.dataset().size(), "--interleave_prob has "
                + data.interleaveProb().size() + " values for " + data.dataset().size() + " sources of --dataset; give one for each");
        double sum = data.interleaveProb().stream().mapToDouble(Double::doubleValue).sum();
        require(data.interleaveProb().isEmpty() || Math.abs(sum - 1) < 1e-6, "--interleave_prob adds up to " + sum + "; its values must add up to 1");
        require(data.modelName().size() <= 2, "--model_name has " + data.modelName().size() + " values; give one, or a Chinese and an English one");
        require(data.modelAuthor().size() <= 2, "--model_author has " + data.modelAuthor().size() + " values; give one, or a Chinese and an English one");
        require(!options.packing().packing() || options.packing().paddingFree(), "--packing true excludes --padding_free false; leave --padding_free out");
        require(options.packing().packing() || options.packing().packingLength().isEmpty(), "--packing_length needs --packing true");
        Optional<Integer> maxLength = options.template().maxLength();
        options.packing().packingLength().ifPresent(length -> require(maxLength.isEmpty() || maxLength.get() <= length,
                "--packing_length " + length + " is below --max_length " + maxLength.orElse(0) + ": a sample must fit a row"));
        options.training().seqLength().ifPresent(length -> require(maxLength.isEmpty() || maxLength.get().equals(length),
                "--seq_length " + length + " differs from --max_length " + maxLength.orElse(0) + "; give max_length only"));
        if (data.streaming()) {
            require(options.training().trainIters().isPresent(), "--streaming true needs --train_iters: the number of samples is not known, so give the steps");
            boolean validates = !data.valDataset().isEmpty();
            require(!validates || options.evaluation().evalIters() >= 0, "--streaming true with --val_dataset needs --eval_iters: give the batches of an evaluation");
        }
    }

    private void experts() {
        MoeOptions moe = options.moe();
        boolean experts = moe.numExperts().isPresent();
        int count = moe.numExperts().orElse(0);
        int parallel = moe.expertModelParallelSize();
        require(!experts || count % parallel == 0, "--num_experts " + count + " is not a multiple of --expert_model_parallel_size " + parallel + "; take a divisor of "
                + count);
        int stage = options.derived().numRanks() / options.parallel().pipelineModelParallelSize();
        int fold = parallel * moe.expertTensorParallelSize();
        require(stage % fold == 0, "--expert_model_parallel_size " + parallel + " x --expert_tensor_parallel_size " + moe.expertTensorParallelSize() + " = " + fold
                + " does not divide the " + stage + " ranks of a pipeline stage (--num_ranks / --pipeline_model_parallel_size)");
        require(fold == 1 || !sharesModel(), "--expert_model_parallel_size and --expert_tensor_parallel_size above 1 share experts out and exclude --use_megatron_fsdp true,"
                + " which shares out what all replicas hold; take --use_distributed_optimizer true");
        require(parallel == 1 || !options.precision().fp16().orElse(false), "--expert_model_parallel_size " + parallel + " excludes --fp16 true; take --bf16 true");
        require(!experts || options.parallel().tensorModelParallelSize() == 1 || options.parallel().sequenceParallel(),
                "--num_experts with --tensor_model_parallel_size above 1 needs --sequence_parallel true: give it, or --tensor_model_parallel_size 1");
        String score = moe.moeRouterScoreFunction().orElse("softmax");
        require(!moe.moeRouterEnableExpertBias().orElse(false) || moe.moeRouterScoreFunction().isEmpty() || score.equals("sigmoid"),
                "--moe_router_enable_expert_bias true needs --moe_router_score_function sigmoid; leave the bias out");
        require(moe.moeRouterTopk().orElse(2) != 1 || !score.equals("softmax") || moe.moeRouterPreSoftmax().orElse(false),
                "--moe_router_topk 1 with --moe_router_score_function softmax needs --moe_router_pre_softmax true, else every weight is 1 and the router learns nothing");
        List<String> balancing = moe.moeRouterLoadBalancingType();
        require(balancing.size() <= 1, "--moe_router_load_balancing_type has " + balancing.size() + " values; give one, with one --moe_aux_loss_coeff");
        require(!balancing.contains("sinkhorn") || moe.moeAuxLossCoeff() == 0, "--moe_router_load_balancing_type sinkhorn needs --moe_aux_loss_coeff 0, since it balances without a loss; leave the"
                + " coefficient out");
        moe.moeRouterNumGroups().ifPresent(groups -> {
            require(moe.moeRouterGroupTopk().orElse(1) <= groups, "--moe_router_group_topk " + moe.moeRouterGroupTopk().orElse(1) + " is above --moe_router_num_groups "
                    + groups + "; take at most " + groups);
            require(!experts || count % groups == 0, "--num_experts " + count + " is not a multiple of --moe_router_num_groups " + groups + "; take a divisor of " + count);
        });
        require(moe.moeExpertCapacityFactor().isEmpty() || List.of("aux_loss", "seq_aux_loss", "none").containsAll(balancing),
                "--moe_expert_capacity_factor goes with --moe_router_load_balancing_type aux_loss, seq_aux_loss or none: choose one of these");
        require(!moe.moeSharedExpertOverlap() || moe.moeTokenDispatcherType().equals("alltoall"),
                "--moe_shared_expert_overlap true needs --moe_token_dispatcher_type alltoall; leave one out");
        require(!moe.moeEnableDeepep() || moe.moeTokenDispatcherType().equals("flex"), "--moe_enable_deepep true needs --moe_token_dispatcher_type flex; leave it out");
    }

    private static final List<String> OF_LORA = List.of("adapter_load", "target_modules", "target_regex", "modules_to_save", "lora_rank", "lora_alpha", "lora_dropout",
            "lora_bias", "use_rslora", "lora_dtype", "merge_lora");
    private static final List<String> OF_FREEZING = List.of("freeze_parameters", "freeze_parameters_regex", "freeze_parameters_ratio", "trainable_parameters",
            "trainable_parameters_regex");

    private void predictions() {
        options.architecture().mtpNumLayers().ifPresent(layers -> {
            String option = "--mtp_num_layers " + layers;
            require(!sharesModel(), option + " excludes --use_megatron_fsdp true with a strategy of optim_grads or optim_grads_params, since its layers use what the head and"
                    + " the embedding use; take --use_distributed_optimizer true");
            require(options.tuner().trainType() != TunerOptions.TrainType.LORA, option + " trains whole layers and excludes --train_type lora; leave it out, and the layers"
                    + " are kept as they are");
        });
    }

    private void tuning() {
        boolean lora = options.tuner().trainType() == TunerOptions.TrainType.LORA;
        // infer and export have a merge_lora of their own, which needs adapters.
        boolean tunes = options.command() != Command.INFER && options.command() != Command.EXPORT;
        for (String name : OF_LORA) {
            require(lora || !tunes || !options.given(name), "--" + name + " needs --train_type lora");
        }
        for (String name : OF_FREEZING) {
            require(!lora || !options.given(name), "--" + name + " is for --train_type full; with lora the model is frozen, and modules_to_save names what is trained beside");
        }
        boolean frozen = lora || OF_FREEZING.stream().anyMatch(options::given);
        require(!frozen || !sharesModel(), "--use_megatron_fsdp true shares out trained parameters alone and excludes --train_type lora and freeze_parameters; leave it out,"
                + " or take --data_parallel_sharding_strategy optim");
        require(options.tuner().freezeParametersRatio() == 0 || options.parallel().pipelineModelParallelSize() == 1,
                "--freeze_parameters_ratio " + options.tuner().freezeParametersRatio() + " excludes --pipeline_model_parallel_size above 1, since a share of"
                + " the model is none of each stage: name what is frozen with --freeze_parameters");
        boolean random = !options.checkpoint().noInitialization();
        require(!random || options.checkpoint().load().isEmpty(), "--perform_initialization true draws random weights and excludes --load");
        boolean from = options.checkpoint().load().isPresent() && !lora || options.tuner().adapterLoad().isPresent();
        require(options.checkpoint().finetune() || from || !options.given("finetune"), "--finetune false resumes a run and needs "
                + (lora ? "--adapter_load, since the adapter's checkpoint has the place in the data and the optimizer's state" : "--load"));
    }

    private void attention() {
        KernelOptions kernels = options.kernels();
        boolean flash = kernels.attentionBackend() == KernelOptions.AttentionBackend.FLASH;
        require(!kernels.deterministicMode() || !flash, "--deterministic_mode true excludes --attention_backend flash; take auto, fused or unfused");
        require(!kernels.deterministicMode() || !kernels.crossEntropyLossFusion(), "--deterministic_mode true excludes --cross_entropy_loss_fusion true; leave one out");
    }

    private void export() {
        ExportOptions export = options.export();
        require(!(export.toHf() && export.toMcore()), "--to_hf true excludes --to_mcore true; keep one");
        boolean adapter = !export.adapters().isEmpty();
        require(!export.mergeLora() || adapter || options.command() != Command.EXPORT, "--merge_lora true needs --adapters");
        require(!adapter || export.mergeLora() || !export.toMcore(), "--to_mcore true with --adapters needs --merge_lora true: a training checkpoint of a model is whole");
        require(!adapter || export.mergeLora() || export.torchDtype().isEmpty(), "--torch_dtype with --adapters needs --merge_lora true: an adapter alone is copied as it is");
        require(export.adapters().size() <= 1 && options.infer().adapters().size() <= 1, "--adapters has more than one value; merge all but one into the model first");
        require(!options.infer().mergeLora() || !options.infer().adapters().isEmpty() || options.command() != Command.INFER, "--merge_lora true needs --adapters");
    }

    private void missing() {
        DataOptions data = options.data();
        boolean model = options.model().model().isPresent();
        boolean random = !options.checkpoint().noInitialization();
        switch (options.command()) {
            case PT, SFT, RLHF -> {
                require(model || options.checkpoint().load().isPresent() || options.tuner().adapterLoad().isPresent(),
                        "--model (a directory in Hugging Face layout or a hub id) or --load is missing");
                require(!random || model, "--perform_initialization true needs --model, whose config.json says the shape");
                require(!data.dataset().isEmpty() || !data.cachedDataset().isEmpty(), "--dataset or --cached_dataset is missing");
                require(options.training().trainIters().isPresent() || options.training().maxEpochs().isPresent(), "--train_iters or --max_epochs is missing");
            }
            case PREPARE -> {
                require(!data.dataset().isEmpty(), "--dataset is missing");
                require(model, "--model is missing: whose tokens? (its config.json and tokenizer are read, not its weights)");
                require(options.prepare().outputDir().isPresent(), "--output_dir is missing: where do the shards go?");
            }
            case INFER -> {
                require(model || !options.infer().adapters().isEmpty(), "--model (or --adapters, which name theirs) is missing");
                require(options.infer().resultPath().isEmpty() || !data.valDataset().isEmpty(), "--result_path needs --val_dataset");
            }
            case EXPORT -> {
                ExportOptions export = options.export();
                boolean adapter = !export.adapters().isEmpty();
                require(export.toHf() || export.toMcore() || export.mergeLora(), "--to_hf true or --to_mcore true is missing, or --merge_lora true with --adapters");
                require(!export.toMcore() || model || adapter, "--to_mcore true needs --model");
                require(!export.toHf() || export.mcoreModel().isPresent() || adapter, "--to_hf true needs --mcore_model or --adapters");
            }
            case VERIFY -> {
                List<String> cases = options.verify().cases();
                require(!cases.isEmpty(), "the directory of the case is missing: sparktron verify DIR");
                require(cases.size() < 2 || options.verify().write().isEmpty(), "--write is for one case, and " + cases.size()
                        + " were given; verify them one by one, or leave it out");
            }
            case PLAN -> require(model, "--model is missing");
        }
    }
}
