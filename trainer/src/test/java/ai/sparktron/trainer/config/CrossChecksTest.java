package ai.sparktron.trainer.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.OptionParser.Completeness;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options that exclude or need one another; each message names both. */
class CrossChecksTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--global_batch_size 15 --micro_batch_size 2 | --global_batch_size 15, --micro_batch_size 2",
        "--num_ranks 3 --tensor_model_parallel_size 2 | --num_ranks 3, tensor_model_parallel_size",
        "--max_length 30 --context_parallel_size 4 | --max_length 30, --context_parallel_size 4",
        "--decoder_first_pipeline_num_layers 2 | --decoder_first_pipeline_num_layers 2, --pipeline_model_parallel_size",
        "--num_layers_per_virtual_pipeline_stage 2 | --num_layers_per_virtual_pipeline_stage 2, --pipeline_model_parallel_size",
        "--pipeline_model_parallel_layout E,t,L | --pipeline_model_parallel_layout E, --pipeline_model_parallel_size",
        "--tp_comm_overlap true | --tp_comm_overlap, --sequence_parallel",
        "--overlap_param_gather true --use_distributed_optimizer true | --overlap_param_gather, --overlap_grad_reduce",
        "--overlap_param_gather true --overlap_grad_reduce true --use_distributed_optimizer false | --overlap_param_gather, --use_distributed_optimizer",
        "--fp8_param_gather true --use_distributed_optimizer false | --fp8_param_gather, --use_distributed_optimizer",
        "--optimizer_cpu_offload true | --optimizer_cpu_offload, --use_precision_aware_optimizer",
        "--use_precision_aware_optimizer true --use_distributed_optimizer false | --use_precision_aware_optimizer, --use_distributed_optimizer",
        "--main_grads_dtype bf16 | --main_grads_dtype, --use_precision_aware_optimizer",
        "--exp_avg_sq_dtype fp8 | --exp_avg_sq_dtype, --use_precision_aware_optimizer",
        "--use_precision_aware_optimizer true --optimizer sgd | --use_precision_aware_optimizer, --optimizer",
        "--fp16 true --bf16 true | --fp16, --bf16",
        "--fp16 true --torch_dtype bfloat16 | --fp16, --torch_dtype",
        "--bf16 true --torch_dtype float32 | --bf16, --torch_dtype",
        "--recompute_granularity full --recompute_num_layers 1 | --recompute_granularity full, --recompute_method",
        "--recompute_granularity full --recompute_method uniform | --recompute_granularity full, --recompute_num_layers",
        "--recompute_method block | --recompute_method, --recompute_granularity",
        "--recompute_granularity none --recompute_modules mlp | --recompute_modules, --recompute_granularity",
        "--lr_warmup_iters 3 --lr_warmup_fraction 0.1 | --lr_warmup_iters, --lr_warmup_fraction",
        "--lr 1e-5 --min_lr 1e-4 | --lr, --min_lr",
        "--lr_warmup_iters 10 --train_iters 10 | --lr_warmup_iters 10, --train_iters",
        "--split_dataset_ratio 0.1 --val_dataset a | --split_dataset_ratio, --val_dataset",
        "--dataset a --cached_dataset b | --dataset, --cached_dataset",
        "--dataset a b --interleave_prob 1 | --interleave_prob, --dataset",
        "--packing true --padding_free false | --packing, --padding_free",
        "--packing_length 10 | --packing_length, --packing",
        "--packing true --packing_length 10 --max_length 20 | --packing_length 10, --max_length 20",
        "--seq_length 10 --max_length 20 | --seq_length 10, --max_length 20",
        "--mlp_padding_free true --sequence_parallel true | --mlp_padding_free, --sequence_parallel",
        "--streaming true | --streaming, --train_iters",
        "--streaming true --train_iters 3 --val_dataset a | --streaming, --eval_iters",
        "--num_ranks 6 --expert_model_parallel_size 4 | --expert_model_parallel_size 4, --num_ranks",
        "--num_ranks 2 --expert_model_parallel_size 2 --use_megatron_fsdp true | --expert_model_parallel_size, --use_megatron_fsdp",
        "--num_experts 6 --expert_model_parallel_size 4 | --num_experts 6, --expert_model_parallel_size 4",
        "--expert_model_parallel_size 2 --fp16 true | --expert_model_parallel_size, --fp16",
        "--num_experts 8 --tensor_model_parallel_size 2 | --num_experts, --sequence_parallel",
        "--moe_router_enable_expert_bias true --moe_router_score_function softmax | --moe_router_enable_expert_bias, --moe_router_score_function",
        "--moe_router_topk 1 | --moe_router_topk 1, --moe_router_pre_softmax",
        "--moe_router_load_balancing_type sinkhorn --moe_aux_loss_coeff 0.1 | sinkhorn, --moe_aux_loss_coeff",
        "--moe_router_load_balancing_type aux_loss none | --moe_router_load_balancing_type, --moe_aux_loss_coeff",
        "--moe_router_num_groups 4 --moe_router_group_topk 5 | --moe_router_num_groups 4, --moe_router_group_topk",
        "--moe_expert_capacity_factor 1 --moe_router_load_balancing_type sinkhorn | --moe_expert_capacity_factor, --moe_router_load_balancing_type",
        "--moe_shared_expert_overlap true --moe_token_dispatcher_type allgather | --moe_shared_expert_overlap, --moe_token_dispatcher_type",
        "--moe_enable_deepep true | --moe_enable_deepep, --moe_token_dispatcher_type",
        "--freeze_parameters_ratio 0.5 --pipeline_model_parallel_size 2 | --freeze_parameters_ratio, --pipeline_model_parallel_size",
        "--no_initialization false --load x | --perform_initialization, --load",
        "--finetune false | --finetune, --load",
        "--deterministic_mode true --attention_backend flash | --deterministic_mode, --attention_backend",
        "--deterministic_mode true --cross_entropy_loss_fusion true | --deterministic_mode, --cross_entropy_loss_fusion",
    })
    void bothOptionsAreNamed(String given, String named) {
        List<String> problems = CrossChecks.problems(UncheckedOptions.of(Command.SFT, given));
        assertTrue(problems.stream().anyMatch(problem -> Arrays.stream(named.split(", ")).allMatch(problem::contains)), given + " gave " + problems);
    }

    @Test
    void defaultsFitOneAnother() {
        for (Command command : Command.values()) {
            assertEquals(List.of(), CrossChecks.problems(Options.defaults(command)));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "SFT | --dataset a --train_iters 3 | --model",
        "SFT | --model m --train_iters 3 | --dataset or --cached_dataset",
        "SFT | --model m --dataset a | --train_iters or --max_epochs",
        "PREPARE | --dataset a --model m | --output_dir",
        "EXPORT | --model m | --to_hf true or --to_mcore true",
        "INFER | --stream true | --model",
        "VERIFY | --logits_tolerance 1 | directory of the case",
        "RLHF | --load x --finetune false --dataset a --train_iters 3 | --ref_load",
    })
    void whatIsMissingIsNamed(Command command, String words, String named) {
        ConfigurationException refusal = assertThrows(ConfigurationException.class,
                () -> OptionParser.parse(command, words.split(" "), Map.of(), Completeness.COMPLETE));
        assertTrue(refusal.getMessage().contains(named), refusal.getMessage());
    }

    @Test
    void derivedValues() {
        Options options = Options.of(Command.SFT, "--num_ranks", "4", "--global_batch_size", "16", "--micro_batch_size", "2", "--save_interval", "7",
                "--max_epochs", "2", "--ddp_timeout", "90");
        Derived derived = options.derived();
        assertEquals(4, derived.dataParallelSize());
        assertEquals(2, derived.gradientAccumulationSteps());
        assertEquals(1e-5, derived.lr());
        assertEquals(7, derived.evalInterval());
        assertEquals(90, derived.collectiveTimeoutSeconds());
        assertEquals("megatron_output/qwen", Options.of(Command.SFT, "--model", "models/qwen").derived().save().toString());
    }

    @Test
    void optionsAgainstTheModel() {
        Options options = UncheckedOptions.of(Command.SFT, "--tensor_model_parallel_size 4 --expert_model_parallel_size 2 --max_length 2048");
        ConfigurationException refusal = assertThrows(ConfigurationException.class,
                () -> ModelChecks.check(options, new ModelChecks.Shape(30, 2, 0, 1024)));
        assertEquals(4, refusal.problems().size(), refusal.getMessage());
        Options heads = UncheckedOptions.of(Command.SFT, "--tensor_model_parallel_size 2 --context_parallel_size 2 --cp_comm_type a2a");
        String two = assertThrows(ConfigurationException.class, () -> ModelChecks.check(heads, new ModelChecks.Shape(8, 2, 0, 1024))).getMessage();
        assertTrue(two.contains("--cp_comm_type a2a") && two.contains("--context_parallel_size 2") && two.contains("2 key and value groups"), two);
        ModelChecks.check(heads, new ModelChecks.Shape(8, 4, 0, 1024));
        ModelChecks.check(Options.of(Command.SFT, "--max_length", "1024"), new ModelChecks.Shape(30, 2, 0, 1024));
    }
}
