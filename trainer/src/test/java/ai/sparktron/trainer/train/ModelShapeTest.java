package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What options say of a model must be so. */
class ModelShapeTest {

    private static final Path CASES = Path.of("src/test/resources/reference-cases");

    private static ModelConfig read(String model, String words) throws IOException {
        return ModelShape.read(Options.of(Command.PT, words.split(" ")), CASES.resolve(model).resolve("config.json"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "deepseek_v3 | --num_experts 8 --moe_layer_freq [0]*1+[1]*2 --moe_ffn_hidden_size 32 --moe_shared_expert_intermediate_size 32 --moe_router_topk 2",
        "deepseek_v3 | --moe_router_score_function sigmoid --moe_router_pre_softmax false --moe_router_topk_scaling_factor 2.5 --moe_router_num_groups 4",
        "deepseek_v3 | --multi_latent_attention true --q_lora_rank 24 --kv_lora_rank 16 --qk_head_dim 16 --qk_pos_emb_head_dim 8 --qk_layernorm true",
        "qwen2_moe | --moe_router_pre_softmax true --moe_layer_freq 1 --add_qkv_bias true --disable_bias_linear true --qk_layernorm false",
        "qwen2_moe | --multi_latent_attention false --rotary_percent 1 --rotary_interleaved false --swiglu true --moe_router_score_function softmax",
        "qwen3_moe | --moe_router_pre_softmax false --qk_layernorm true --add_qkv_bias false --moe_layer_freq ([1,1]+[1])*1",
        "qwen3 | --multi_latent_attention false --swiglu true",
    })
    void whatTheModelHasMayBeSaid(String model, String words) throws IOException {
        assertEquals(read(model, "--num_layers 3"), read(model, words + " --num_layers 3"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "deepseek_v3 | --moe_layer_freq [1]*3 | [0, 1, 1]",
        "deepseek_v3 | --moe_layer_freq [0]+[1]*58 | lists 59 layers",
        "deepseek_v3 | --moe_layer_freq [0]+[2]*2 | character 6",
        "deepseek_v3 | --moe_layer_freq [0]+[1]*2) | character 10",
        "deepseek_v3 | --moe_router_score_function softmax | has sigmoid",
        "deepseek_v3 | --multi_latent_attention false | has true",
        "deepseek_v3 | --moe_shared_expert_intermediate_size 33 | has 32",
        "deepseek_v2-lite | --moe_router_num_groups 4 | has 1",
        "qwen2_moe | --moe_router_pre_softmax false | has true",
        "qwen2_moe | --q_lora_rank 4 | has 0",
        "qwen2_moe | --add_qkv_bias false | has true",
        "qwen3 | --num_experts 8 | has 0",
        "qwen3_moe | --moe_shared_expert_overlap true | no shared experts",
        "qwen3 | --moe_layer_freq 1 | [0, 0, 0]",
        "qwen3 | --swiglu false | has true",
        "qwen3 | --rotary_percent 0.5 | has 1.0",
        "qwen3 | --qk_layernorm false | has true",
        "llama-bias | --disable_bias_linear true | has false",
    })
    void whatItHasNotIsNamed(String model, String words, String told) {
        ConfigurationException refusal = assertThrows(ConfigurationException.class, () -> read(model, words));
        assertEquals(1, refusal.problems().size(), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(words) && refusal.getMessage().contains(told), refusal.getMessage());
    }

    @Test
    void sizesMakeAnotherModel() throws IOException {
        ModelConfig wide = read("deepseek_v3", "--num_experts 16 --moe_router_topk 4 --moe_router_num_groups 8 --moe_router_group_topk 4 --moe_ffn_hidden_size 24"
                + " --moe_shared_expert_intermediate_size 48 --kv_lora_rank 12");
        assertEquals(List.of(16, 4, 8, 4, 24, 48, 12), List.of(wide.experts().experts(), wide.experts().router().chosen(), wide.experts().router().groups(),
                wide.experts().router().chosenGroups(), wide.experts().ffnSize(), wide.experts().sharedSize(), wide.latent().keyValueRank()));
    }

    @Test
    void patternsOfLayers() {
        assertEquals(List.of(true, false, true, false, true), LayerPattern.of("2", 5));
        assertEquals(List.of(false, true, true, false, true, true), LayerPattern.of("([0] + [1]*2) * 2", 6));
        assertEquals(List.of(true, false), LayerPattern.of("[1,0]", 2));
    }
}
