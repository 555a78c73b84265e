package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.data.DataCursor;
import ai.sparktron.trainer.data.InMemoryRows;
import ai.sparktron.trainer.data.MicroBatchSource;
import ai.sparktron.trainer.data.RowOrder;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is counted without a device is what the CPU engine's arenas hold in a step, rank by rank. */
class RankMeasurementTest {

    private static final int ROW = 64;

    private static ModelConfig dense() {
        return ConfigReader.parse("""
                {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4,
                 "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 8, "vocab_size": 120, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
                 "rope_theta": 10000.0, "tie_word_embeddings": false, "hidden_act": "silu", "torch_dtype": "float32", "eos_token_id": 2}
                """, "a test");
    }

    private static ModelConfig experts() {
        return ConfigReader.parse("""
                {"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4,
                 "num_attention_heads": 4, "num_key_value_heads": 4, "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 2,
                 "topk_group": 1, "moe_intermediate_size": 24, "first_k_dense_replace": 1, "topk_method": "noaux_tc", "scoring_func": "sigmoid",
                 "norm_topk_prob": true, "routed_scaling_factor": 2.5, "q_lora_rank": 24, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8,
                 "v_head_dim": 8, "vocab_size": 120, "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
                 "hidden_act": "silu", "torch_dtype": "float32", "eos_token_id": 2}
                """, "a test");
    }

    /** Peaks of the arenas of each rank: run, micro-batch, call. */
    private static List<long[]> run(Options options, ModelConfig model, int ranks) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(ranks);
        try {
            List<Future<long[]>> peaks = new ArrayList<>();
            for (World world : InProcessWorld.create(ranks, Duration.ofSeconds(30))) {
                peaks.add(threads.submit(() -> {
                    try {
                        return run(options, model, world);
                    } catch (RuntimeException | Error e) {
                        world.abort(e);
                        throw e;
                    }
                }));
            }
            List<long[]> results = new ArrayList<>();
            for (Future<long[]> peak : peaks) {
                results.add(peak.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    private static long[] run(Options options, ModelConfig config, World world) {
        int[] ids = new int[ROW];
        Arrays.setAll(ids, i -> i);
        try (Engine engine = Nd4jEngines.open(Nd4jEngines.Face.HOST);
                StackArena runArena = StackArena.growing("run", engine.memory(), 1 << 20);
                StackArena scratch = StackArena.growing("call", engine.memory(), 1 << 20);
                PassMemory passes = PassMemory.growing(engine.memory(), 1 << 20, scratch);
                Arena.Frame run = runArena.open("run");
                RankModel model = new RankModel(options, config, engine, world, ROW, run);
                InMemoryRows rows = new InMemoryRows(List.of(new PackedRowBuilder().add(ids, ids, null).toRow()));
                MicroBatchSource source = MicroBatchSource.training(rows, model.batchShape(), RowOrder.SEQUENTIAL, DataCursor.start(1, 0))) {
            model.steps(passes).train(source.next(), 0);
            return new long[] {runArena.peakBytes(), passes.peakBytes(), scratch.peakBytes()};
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "--num_ranks 1",
        "--num_ranks 1 --micro_batch_size 2 --recompute_granularity full --recompute_method uniform --recompute_num_layers 2",
        "--num_ranks 1 --recompute_granularity selective --recompute_modules mlp",
        "--num_ranks 2 --optimizer sgd",
        "--num_ranks 2 --bf16 true",
        "--num_ranks 2 --bf16 true --use_precision_aware_optimizer true --main_grads_dtype bf16 --main_params_dtype fp16 --exp_avg_dtype fp8 --exp_avg_sq_dtype fp16",
        "--num_ranks 2 --bf16 true --use_precision_aware_optimizer true --main_params_dtype bf16",
        "--num_ranks 2 --bf16 true --fp8_format hybrid --fp8_amax_history_len 4",
        "--num_ranks 2 --tensor_model_parallel_size 2 --fp8_format e4m3 --fp8_recipe blockwise",
        "--num_ranks 2 --use_distributed_optimizer false",
        "--num_ranks 2 --overlap_grad_reduce true --overlap_param_gather true",
        "--num_ranks 2 --use_megatron_fsdp true",
        "--num_ranks 2 --use_megatron_fsdp true --data_parallel_sharding_strategy optim_grads",
        "--num_ranks 2 --use_megatron_fsdp true --overlap_grad_reduce true --overlap_param_gather true",
        "--num_ranks 2 --tensor_model_parallel_size 2",
        "--num_ranks 4 --tensor_model_parallel_size 2 --sequence_parallel true",
        "--num_ranks 2 --context_parallel_size 2",
        "--num_ranks 2 --pipeline_model_parallel_size 2",
        "--num_ranks 2 --pipeline_model_parallel_size 2 --global_batch_size 1",
        "--num_ranks 4 --pipeline_model_parallel_size 2 --virtual_pipeline_model_parallel_size 2",
        "--num_ranks 2 --context_parallel_size 2 --cp_comm_type all_gather",
        "--num_ranks 2 --context_parallel_size 2 --cp_comm_type a2a",
        "--num_ranks 4 --tensor_model_parallel_size 2 --context_parallel_size 2 --sequence_parallel true --micro_batch_size 2",
    })
    void peaksOfEveryRank(String words) throws Exception {
        compare(dense(), words);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "--num_ranks 1",
        "--num_ranks 1 --recompute_granularity selective --recompute_modules moe",
        "--num_ranks 1 --recompute_granularity selective --recompute_modules mla_up_proj",
        "--num_ranks 2 --pipeline_model_parallel_size 2 --global_batch_size 1",
        "--num_ranks 2 --use_distributed_optimizer true",
    })
    void peaksWithExpertsAndLatentAttention(String words) throws Exception {
        compare(experts(), words);
    }

    private static void compare(ModelConfig model, String words) throws Exception {
        Options options = TinyRun.options(("--max_length " + ROW + " " + "--micro_batch_size 1 " + words).split(" "));
        int ranks = options.derived().numRanks();
        List<long[]> real = run(options, model, ranks);
        RankMeasurement.Subject subject = RankMeasurement.Subject.of(options, model, ROW);
        for (int rank = 0; rank < ranks; rank++) {
            MemoryUse use = RankMeasurement.of(options, subject, rank, ranks).memory();
            long[] peaks = real.get(rank);
            assertEquals(peaks[0], use.weights() + use.gradients() + use.optimizer() + use.tables(), "run, rank " + rank);
            // A message between stages that the receiver takes late holds its gradient, and on the last stage its pass, a little longer.
            long late = options.parallel().pipelineModelParallelSize() == 1 ? 0
                    : (long) ROW * model.hiddenSize() * Float.BYTES + use.activations() / use.passes();
            assertTrue(use.activations() <= peaks[1] && peaks[1] <= use.activations() + late, "micro-batch, rank " + rank + ": " + peaks[1] + " for " + use);
            assertEquals(peaks[2], use.logits() + use.exchanged() + use.scratch(), "call, rank " + rank);
            assertTrue(use.weights() > 0 && use.gradients() > 0 && use.optimizer() > 0 && use.activations() > 0, use.toString());
            assertTrue(use.tables() < use.weights() / 8, "weights, gradients and optimizer state are known by name: " + use);
        }
    }
}
