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
        "--num_layers_per_virtual_pipeline_stage 2 | --num_layers_per_virtual_pipeline_stage 2, --pipeline_model_parallel_size",
        "--pipeline_model_parallel_layout E,t,L | --pipeline_model_parallel_layout E, --pipeline_model_parallel_size",
        "--tp_comm_overlap true | --tp_comm_overlap, --sequence_parallel",
        "--overlap_param_gather true --use_distributed_optimizer true | --overlap_param_gather, --overlap_grad_reduce",
        "--fp8_recipe tensorwise | --fp8_recipe, --fp8_format",
        "--fp8_amax_history_len 5 | --fp8_amax_history_len, --fp8_format",
        "--fp8_format e4m3 --fp8_recipe blockwise --fp8_amax_compute_algo max | --fp8_amax_compute_algo, --fp8_recipe",
        "--fp8_format e4m3 --fp8_recipe mxfp8 | --fp8_recipe mxfp8, Blackwell, blockwise",
        "--fp8_format hybrid --fp16 true | --fp8_format hybrid, --fp16, --bf16",
        "--fp8_format hybrid --kernels nd4j | --fp8_format hybrid, --kernels nd4j, --kernels host",
        "--use_precision_aware_optimizer true --use_distributed_optimizer false | --use_precision_aware_optimizer, --use_distributed_optimizer",
        "--main_grads_dtype bf16 | --main_grads_dtype, --use_precision_aware_optimizer",
        "--exp_avg_sq_dtype fp8 | --exp_avg_sq_dtype, --use_precision_aware_optimizer",
        "--use_precision_aware_optimizer true --optimizer sgd | --use_precision_aware_optimizer, --optimizer",
        "--fp16 true --bf16 true | --fp16, --bf16",
        "--fp16 true --torch_dtype bfloat16 | --fp16, --torch_dtype",
        "--bf16 true --torch_dtype float32 | --bf16, --torch_dtype",
        "--lr_warmup_iters 10 --train_iters 10 | --lr_warmup_iters 10, --train_iters",
        "--split_dataset_ratio 0.1 --val_dataset a | --split_dataset_ratio, --val_dataset",
        "--dataset a --cached_dataset b | --dataset, --cached_dataset",
        "--dataset a b --interleave_prob 1 | --interleave_prob, --dataset",
        "--dataset a b --interleave_prob 0.5 0.4 | --interleave_prob adds up to 0.9, must add up to 1",
        "--dataset a --model_name one two three | --model_name has 3 values, give one",
        "--dataset a --model_author one two three | --model_author has 3 values, give one",
        "--data_parallel_sharding_strategy optim_grads | --data_parallel_sharding_strategy optim_grads, --use_megatron_fsdp true",
        "--use_megatron_fsdp true --train_type lora | --use_megatron_fsdp, --train_type lora, --data_parallel_sharding_strategy optim",
        "--use_megatron_fsdp true --freeze_parameters decoder | --use_megatron_fsdp, freeze_parameters, --data_parallel_sharding_strategy optim",
        "--lora_rank 4 | --lora_rank, --train_type lora",
        "--target_modules linear_qkv | --target_modules, --train_type lora",
        "--train_type lora --freeze_parameters decoder | --freeze_parameters, --train_type full, modules_to_save",
        "--train_type lora --freeze_parameters_ratio 0.5 | --freeze_parameters_ratio, --train_type full",
        "--train_type lora --trainable_parameters decoder | --trainable_parameters, --train_type full",
        "--optimizer_cpu_offload true --use_precision_aware_optimizer true --use_megatron_fsdp true | --optimizer_cpu_offload, --use_megatron_fsdp, leave it out",
        "--packing_length 10 | --packing_length, --packing",
        "--packing true --packing_length 10 --max_length 20 | --packing_length 10, --max_length 20",
        "--seq_length 10 --max_length 20 | --seq_length 10, --max_length 20",
        "--num_ranks 6 --expert_model_parallel_size 4 | --expert_model_parallel_size 4, --num_ranks",
        "--num_ranks 2 --expert_model_parallel_size 2 --use_megatron_fsdp true | --expert_model_parallel_size, --use_megatron_fsdp",
        "--moe_router_load_balancing_type sinkhorn --moe_aux_loss_coeff 0.1 | sinkhorn, --moe_aux_loss_coeff",
        "--moe_router_load_balancing_type aux_loss none | --moe_router_load_balancing_type, --moe_aux_loss_coeff",
        "--no_initialization false --load x | --perform_initialization, --load",
        "--finetune false | --finetune, --load",
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

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--to_hf true --to_mcore true | --to_hf, --to_mcore, keep one",
        "--merge_lora true --to_hf true | --merge_lora, --adapters",
        "--adapters a --to_mcore true | --to_mcore, --merge_lora",
        "--adapters a --torch_dtype bfloat16 | --torch_dtype, --merge_lora",
        "--adapters a b --merge_lora true | --adapters has more than one value",
    })
    void bothOptionsOfAnExportAreNamed(String given, String named) {
        List<String> problems = CrossChecks.problems(UncheckedOptions.of(Command.EXPORT, given));
        assertTrue(problems.stream().anyMatch(problem -> Arrays.stream(named.split(", ")).allMatch(problem::contains)), given + " gave " + problems);
    }

    /** Each in its own unit; the nearest to Sparktron's own name goes before the others. */
    @ParameterizedTest
    @CsvSource({"--distributed_timeout_minutes 3, 180", "--ddp_timeout 90 --distributed_timeout_minutes 3, 90",
        "--collective_timeout 7 --ddp_timeout 90 --distributed_timeout_minutes 3, 7", "--lr 1, 600"})
    void limitOfACollective(String given, double seconds) {
        assertEquals(seconds, Options.of(Command.SFT, given.split(" ")).derived().collectiveTimeoutSeconds());
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
                () -> ModelChecks.check(options, new ModelChecks.Shape(30, 2, 1024, false, 0, false)));
        assertEquals(4, refusal.problems().size(), refusal.getMessage());
        Options heads = UncheckedOptions.of(Command.SFT, "--tensor_model_parallel_size 2 --context_parallel_size 2 --cp_comm_type a2a");
        String two = assertThrows(ConfigurationException.class, () -> ModelChecks.check(heads, new ModelChecks.Shape(8, 2, 1024, false, 0, false))).getMessage();
        assertTrue(two.contains("--cp_comm_type a2a") && two.contains("--context_parallel_size 2") && two.contains("2 key and value groups"), two);
        ModelChecks.check(heads, new ModelChecks.Shape(8, 4, 1024, false, 0, false));
        ModelChecks.check(Options.of(Command.SFT, "--max_length", "1024"), new ModelChecks.Shape(30, 2, 1024, false, 0, false));
    }
}
