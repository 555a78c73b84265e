package ai.sparktron.trainer.config;

import java.util.Optional;

/** The grid: how ranks share tensors, layers, tokens and samples. */
@Concern(title = "Parallelism", commands = {Command.PT, Command.SFT, Command.RLHF, Command.EXPORT, Command.VERIFY, Command.PLAN})
public record ParallelOptions(
        @Option(value = "nccl", of = {"nccl", "gloo"}, status = Status.NO_MEANING, doc = "Library of collectives.",
                note = "The engine decides: in-process or sockets on the CPU, NCCL on CUDA.")
        String distributedBackend,
        @Option(value = "true", doc = "Share gradient reduction, optimizer state and update out over the data-parallel ranks (ZeRO stage 1).",
                note = "The numbers are the same either way; the memory is not.")
        boolean useDistributedOptimizer,
        @Option(value = "false", doc = "Share the model itself out over the data-parallel ranks, as data_parallel_sharding_strategy says.",
                note = "Blocks are gathered before they run and gradients reduced after, once a micro-batch; with overlap_param_gather and overlap_grad_reduce beside other"
                        + " blocks, for the memory of one block more of each.")
        boolean useMegatronFsdp,
        @Option(of = {"no_shard", "optim", "optim_grads", "optim_grads_params"}, doc = "What data-parallel ranks share out: nothing, optimizer state, gradients too,"
                + " parameters too; absent: optim_grads_params with use_megatron_fsdp.", note = "no_shard and optim are use_distributed_optimizer false and true.")
        Optional<String> dataParallelShardingStrategy,
        @Option(value = "1", range = "[1,)", alias = "tp_size", doc = "Ranks that share each layer's weights (TP).")
        int tensorModelParallelSize,
        @Option(value = "1", range = "[1,)", alias = "pp_size", doc = "Pipeline stages (PP).")
        int pipelineModelParallelSize,
        @Option(range = "[1,)", doc = "Layers of the first stage.")
        Optional<Integer> decoderFirstPipelineNumLayers,
        @Option(range = "[1,)", doc = "Layers of the last stage.")
        Optional<Integer> decoderLastPipelineNumLayers,
        @Option(range = "[1,)", doc = "Interleaved pipeline: chunks of layers of each stage.")
        Optional<Integer> virtualPipelineModelParallelSize,
        @Option(range = "[1,)", doc = "Interleaved pipeline: layers of each chunk.")
        Optional<Integer> numLayersPerVirtualPipelineStage,
        @Option(range = "[1,)", doc = "Interleaved pipeline: micro-batches that follow one another on a chunk; absent: as many as stages.")
        Optional<Integer> microbatchGroupSizePerVpStage,
        @Option(doc = "Stages as text: E embedding, t a layer, L head and loss, | ends a stage, *n repeats, as in Et*3|t*4|t*3L;"
                + " several stretches a stage interleave.")
        Optional<String> pipelineModelParallelLayout,
        @Option(value = "false", doc = "Split the parts between tensor-parallel regions by tokens (SP); means nothing with one tensor-parallel rank.")
        boolean sequenceParallel,
        @Option(value = "1", range = "[1,)", alias = "cp_size", doc = "Ranks that share the tokens of a row (CP).",
                note = "Rows are padded to a multiple of twice as many tokens. Documents may cross the borders.")
        int contextParallelSize,
        @Option(value = "p2p", of = {"p2p", "all_gather", "a2a", "a2a+p2p"}, planned = "a2a+p2p", doc = "How context-parallel ranks exchange keys and values: round a"
                + " ring, gathered before attention, or heads for tokens.", note = "The numbers are the same. a2a needs key/value heads for every rank.")
        String cpCommType,
        @Option(value = "false", status = Status.PLANNED, doc = "Overlap tensor-parallel communication with products.")
        boolean tpCommOverlap,
        @Option(value = "false", doc = "Reduce gradients in buckets while backward of the last micro-batch runs; with use_megatron_fsdp those of each block while the next"
                + " one's backward runs.", note = "The bits are the same either way.")
        boolean overlapGradReduce,
        @Option(value = "false", doc = "Gather updated parameters in buckets while the next forward runs; with use_megatron_fsdp each block's while the one before it runs.",
                note = "The bits are the same either way. Needs use_distributed_optimizer and overlap_grad_reduce.")
        boolean overlapParamGather,
        @Option(range = "[1,)", doc = "Elements of a bucket of gradients and parameters; absent: 40 million, or a million per data-parallel rank where that is more.",
                note = "Buckets are cut the same way whether communication overlaps or not.")
        Optional<Integer> ddpBucketSize,
        @Option(range = "[1,)", doc = "Limit of one collective in minutes; collective_timeout in seconds goes before it.",
                note = "Megatron-SWIFT's default of 300000 minutes hides hangs; here the limit is collective_timeout's.")
        Optional<Integer> distributedTimeoutMinutes,
        @Option(range = "[1,)", doc = "Limit of one collective in seconds; another name for collective_timeout.",
                note = "Megatron-SWIFT's default of 18000000 s hides hangs.")
        Optional<Integer> ddpTimeout) {

    /** Ranks of one model replica: TP x PP x CP. */
    public int modelParallelSize() {
        return Math.multiplyExact(Math.multiplyExact(tensorModelParallelSize, pipelineModelParallelSize), contextParallelSize);
    }
}
