package ai.sparktron.trainer.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** config.json in both spellings, what its silence means, and what is refused. */
class ConfigReaderTest {

    private static final String SHAPE = "\"hidden_size\":64,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"intermediate_size\":96,"
            + "\"vocab_size\":300";

    private static ModelConfig read(String keys) {
        return ConfigReader.parse("{" + SHAPE + "," + keys + "}", "test/config.json");
    }

    private static void assertRefused(String keys, String... words) {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> read(keys));
        for (String word : words) {
            assertTrue(refusal.getMessage().contains(word), refusal.getMessage());
        }
        assertTrue(refusal.getMessage().startsWith("test/config.json: "), refusal.getMessage());
    }

    @Test
    void bothSpellingsSayTheSame() {
        ModelConfig old = read("\"architectures\":[\"LlamaForCausalLM\"],\"torch_dtype\":\"bfloat16\",\"rope_theta\":500000.0,\"max_position_embeddings\":8192,"
                + "\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4.0,\"original_max_position_embeddings\":2048}");
        ModelConfig now = read("\"architectures\":[\"LlamaForCausalLM\"],\"dtype\":\"bfloat16\",\"max_position_embeddings\":8192,"
                + "\"rope_parameters\":{\"rope_type\":\"yarn\",\"rope_theta\":500000.0,\"factor\":4.0,\"original_max_position_embeddings\":2048}");
        assertEquals(now.rope(), old.rope());
        assertEquals(DType.BF16, old.dtype());
        assertEquals(DType.BF16, now.dtype());
        assertEquals(RopeConfig.Kind.YARN, now.rope().kind());
        assertEquals(2048, now.rope().originalPositions());
    }

    @Test
    void scalingAsANumberIsLinear() {
        RopeConfig rope = read("\"model_type\":\"llama\",\"rope_scaling\":2.0").rope();
        assertEquals(RopeConfig.Kind.LINEAR, rope.kind());
        assertEquals(2.0, rope.factor());
        assertEquals(10000.0, rope.theta());
    }

    @Test
    void silenceMeansWhatTheFamilySays() {
        assertEquals(128, read("\"model_type\":\"qwen3\"").headSize());
        assertEquals(16, read("\"model_type\":\"qwen2\"").headSize());
        assertEquals(16, read("\"model_type\":\"qwen3\",\"head_dim\":null").headSize());
        assertEquals(4, ConfigReader.parse("{\"model_type\":\"llama\",\"hidden_size\":8,\"num_hidden_layers\":1,\"num_attention_heads\":4,\"intermediate_size\":8,\"vocab_size\":9}",
                "x").kvHeads());
        assertEquals(4, read("\"model_type\":\"mistral\",\"num_key_value_heads\":null").kvHeads());
        assertEquals(1e-6f, read("\"model_type\":\"llama\"").normEpsilon());
        assertEquals(DType.F32, read("\"model_type\":\"llama\"").dtype());
    }

    @Test
    void biasesFollowTheFamily() {
        ModelConfig qwen2 = read("\"model_type\":\"qwen2\"");
        assertTrue(qwen2.qkvBias() && !qwen2.outputBias() && !qwen2.mlpBias());
        ModelConfig llama = read("\"model_type\":\"llama\",\"attention_bias\":true,\"mlp_bias\":true");
        assertTrue(llama.qkvBias() && llama.outputBias() && llama.mlpBias());
        ModelConfig qwen3 = read("\"model_type\":\"qwen3\",\"attention_bias\":true,\"mlp_bias\":true");
        assertTrue(qwen3.qkvBias() && qwen3.outputBias() && !qwen3.mlpBias());
        ModelConfig mistral = read("\"model_type\":\"mistral\",\"attention_bias\":true");
        assertFalse(mistral.qkvBias() || mistral.outputBias());
    }

    @Test
    void windowsAreRefusedWhereTheyWouldHideTokens() {
        read("\"model_type\":\"qwen2\",\"sliding_window\":32,\"use_sliding_window\":false").requireLength(100_000);
        read("\"model_type\":\"qwen2\",\"sliding_window\":32,\"use_sliding_window\":true,\"max_window_layers\":2").requireLength(100_000);
        read("\"model_type\":\"mistral\",\"sliding_window\":null").requireLength(100_000);
        ModelConfig sliding = read("\"model_type\":\"mistral\",\"sliding_window\":32");
        sliding.requireLength(32);
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> sliding.requireLength(33));
        assertTrue(refusal.getMessage().contains("max_length 33") && refusal.getMessage().contains("sliding_window 32"), refusal.getMessage());
        for (String active : List.of("\"max_window_layers\":1", "\"layer_types\":[\"full_attention\",\"sliding_attention\"]")) {
            ModelConfig qwen3 = read("\"model_type\":\"qwen3\",\"use_sliding_window\":true,\"sliding_window\":8," + active);
            assertThrows(IllegalArgumentException.class, () -> qwen3.requireLength(9));
        }
    }

    @Test
    void whatIsNotBuiltIsRefusedByName() {
        assertRefused("\"architectures\":[\"GemmaForCausalLM\"]", "unknown architecture GemmaForCausalLM", "Qwen3ForCausalLM", "MistralForCausalLM");
        assertRefused("\"model_type\":\"llama\",\"hidden_act\":\"gelu\"", "hidden_act gelu");
        assertRefused("\"model_type\":\"llama\",\"attention_dropout\":0.1", "attention_dropout 0.1");
        assertRefused("\"model_type\":\"llama\",\"quantization_config\":{\"quant_method\":\"fp8\"}", "fp8");
        assertRefused("\"model_type\":\"llama\",\"rope_scaling\":{\"rope_type\":\"mrope\"}", "mrope", "llama3");
        assertRefused("\"model_type\":\"llama\",\"torch_dtype\":\"float64\"", "torch_dtype float64", "bfloat16");
        assertRefused("\"model_type\":\"llama\",\"partial_rotary_factor\":0.5", "partial_rotary_factor 0.5");
    }

    @Test
    void badValuesNameKeyAndValue(@TempDir Path empty) throws Exception {
        assertRefused("\"torch_dtype\":\"float32\"", "neither architectures nor model_type");
        assertRefused("\"model_type\":\"llama\",\"head_dim\":7", "head_dim 7", "even");
        assertRefused("\"model_type\":\"llama\",\"head_dim\":\"8\"", "head_dim \"8\"", "whole number");
        assertRefused("\"model_type\":\"llama\",\"rms_norm_eps\":\"x\"", "rms_norm_eps", "number");
        assertRefused("\"model_type\":\"llama\",\"num_attention_heads\":5", "num_attention_heads 5");
        assertRefused("\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"linear\"}", "linear", "factor");
        assertRefused("\"model_type\":\"llama\",\"tie_word_embeddings\":1", "tie_word_embeddings 1");
        IllegalArgumentException missing = assertThrows(IllegalArgumentException.class, () -> ConfigReader.parse("{\"model_type\":\"llama\"}", "a.json"));
        assertTrue(missing.getMessage().contains("hidden_size"), missing.getMessage());
        IllegalArgumentException broken = assertThrows(IllegalArgumentException.class, () -> ConfigReader.parse("{", "b.json"));
        assertTrue(broken.getMessage().contains("b.json is no JSON"), broken.getMessage());
        IllegalArgumentException absent = assertThrows(IllegalArgumentException.class, () -> ConfigReader.read(empty));
        assertTrue(absent.getMessage().contains("no " + empty.resolve("config.json")), absent.getMessage());
        Files.writeString(empty.resolve("config.json"), "[]");
        assertThrows(IllegalArgumentException.class, () -> ConfigReader.read(empty));
    }

    @Test
    void countsParametersOfKnownModels() {
        String qwen3 = "{\"model_type\":\"qwen3\",\"hidden_size\":2560,\"num_hidden_layers\":36,\"num_attention_heads\":32,\"num_key_value_heads\":8,\"head_dim\":128,"
                + "\"intermediate_size\":9728,\"vocab_size\":151936,\"tie_word_embeddings\":true}";
        assertEquals(4_022_468_096L, ConfigReader.parse(qwen3, "Qwen3-4B").parameterCount());
        String llama = "{\"model_type\":\"llama\",\"hidden_size\":4096,\"num_hidden_layers\":32,\"num_attention_heads\":32,\"num_key_value_heads\":8,"
                + "\"intermediate_size\":14336,\"vocab_size\":128256}";
        assertEquals(8_030_261_248L, ConfigReader.parse(llama, "Llama-3.1-8B").parameterCount());
    }

    private static final String EXPERTS = "\"num_experts\":8,\"num_experts_per_tok\":2,\"moe_intermediate_size\":48";
    private static final String LATENT = "\"q_lora_rank\":null,\"kv_lora_rank\":32,\"qk_nope_head_dim\":24,\"qk_rope_head_dim\":8,\"v_head_dim\":16,"
            + "\"n_routed_experts\":8,\"n_shared_experts\":2,\"num_experts_per_tok\":2,\"moe_intermediate_size\":48,\"first_k_dense_replace\":1";

    @Test
    void whichLayersHaveExperts() {
        assertTrue(read("\"model_type\":\"qwen2_moe\"," + EXPERTS).hasExperts(0));
        ModelConfig everySecond = read("\"model_type\":\"qwen3_moe\",\"decoder_sparse_step\":2," + EXPERTS);
        assertFalse(everySecond.hasExperts(0));
        assertTrue(everySecond.hasExperts(1));
        assertFalse(read("\"model_type\":\"qwen3_moe\",\"mlp_only_layers\":[1]," + EXPERTS).hasExperts(1));
        assertFalse(read("\"model_type\":\"deepseek_v2\"," + LATENT).hasExperts(0));
        assertTrue(read("\"model_type\":\"deepseek_v2\"," + LATENT).hasExperts(1));
        assertFalse(read("\"model_type\":\"llama\"").hasExperts(0));
    }

    @Test
    void howFamiliesRoute() {
        RouterConfig qwen2 = read("\"model_type\":\"qwen2_moe\"," + EXPERTS).experts().router();
        assertEquals(new RouterConfig(2, RouterConfig.Score.SOFTMAX, false, 1, 1, 1, false, 1), qwen2);
        assertTrue(read("\"model_type\":\"qwen3_moe\",\"norm_topk_prob\":true," + EXPERTS).experts().router().normalise());
        assertTrue(read("\"model_type\":\"mixtral\"," + EXPERTS).experts().router().normalise());
        String groups = "\"n_group\":4,\"topk_group\":2,\"routed_scaling_factor\":16," + LATENT;
        assertEquals(new RouterConfig(2, RouterConfig.Score.SOFTMAX, false, 1, 1, 1, false, 16),
                read("\"model_type\":\"deepseek_v2\",\"norm_topk_prob\":true," + groups).experts().router());
        assertEquals(new RouterConfig(2, RouterConfig.Score.SOFTMAX, false, 4, 2, 1, false, 16),
                read("\"model_type\":\"deepseek_v2\",\"topk_method\":\"group_limited_greedy\"," + groups).experts().router());
        assertEquals(new RouterConfig(2, RouterConfig.Score.SIGMOID, true, 4, 2, 2, true, 16), read("\"model_type\":\"deepseek_v3\"," + groups).experts().router());
        assertEquals(1, read("\"model_type\":\"deepseek_v3\",\"n_group\":null," + LATENT).experts().router().groups());
    }

    @Test
    void latentAttentionStretchesItsScaleWithThePositions() {
        ModelConfig plain = read("\"model_type\":\"deepseek_v3\",\"n_group\":1,\"topk_group\":1," + LATENT);
        assertEquals(1 / Math.sqrt(32), plain.attentionScale(), 1e-12);
        assertEquals(8, plain.rotarySize());
        assertEquals(4, plain.kvHeads(), "all heads have keys of their own");
        ModelConfig stretched = read("\"model_type\":\"deepseek_v3\",\"n_group\":1,\"topk_group\":1,\"rope_scaling\":{\"type\":\"yarn\",\"factor\":40,"
                + "\"mscale\":1,\"mscale_all_dim\":1,\"original_max_position_embeddings\":64}," + LATENT);
        double correction = 0.1 * Math.log(40) + 1;
        assertEquals(correction * correction / Math.sqrt(32), stretched.attentionScale(), 1e-12);
    }

    @Test
    void expertsThatCannotBeAreRefused() {
        assertRefused("\"model_type\":\"qwen3_moe\",\"num_experts_per_tok\":2", "num_experts");
        assertRefused("\"model_type\":\"qwen3_moe\"," + EXPERTS.replace("tok\":2", "tok\":9"), "num_experts_per_tok 9", "8 experts");
        assertRefused("\"model_type\":\"deepseek_v3\",\"n_group\":3,\"topk_group\":1," + LATENT, "n_group 3");
        assertRefused("\"model_type\":\"deepseek_v3\",\"n_group\":8,\"topk_group\":1," + LATENT, "topk_group 1", "num_experts_per_tok");
        assertRefused("\"model_type\":\"deepseek_v2\",\"topk_method\":\"noaux_tc\"," + LATENT, "topk_method noaux_tc");
        assertRefused("\"model_type\":\"deepseek_v3\",\"n_group\":1,\"topk_group\":1," + LATENT.replace("rope_head_dim\":8", "rope_head_dim\":7"),
                "qk_rope_head_dim 7");
    }

    /** As the models' pages count them. */
    @Test
    void countsParametersOfKnownModelsWithExperts() {
        String qwen = "\"hidden_size\":2048,\"vocab_size\":151936,\"intermediate_size\":6144";
        assertEquals(30_532_122_624L, ConfigReader.parse("{\"model_type\":\"qwen3_moe\"," + qwen + ",\"num_hidden_layers\":48,\"num_attention_heads\":32,"
                + "\"num_key_value_heads\":4,\"head_dim\":128,\"num_experts\":128,\"num_experts_per_tok\":8,\"moe_intermediate_size\":768}", "Qwen3-30B-A3B")
                .parameterCount());
        assertEquals(14_315_784_192L, ConfigReader.parse("{\"model_type\":\"qwen2_moe\"," + qwen + ",\"num_hidden_layers\":24,\"num_attention_heads\":16,"
                + "\"num_experts\":60,\"num_experts_per_tok\":4,\"moe_intermediate_size\":1408,\"shared_expert_intermediate_size\":5632}", "Qwen1.5-MoE-A2.7B")
                .parameterCount());
        assertEquals(46_702_792_704L, ConfigReader.parse("{\"model_type\":\"mixtral\",\"hidden_size\":4096,\"vocab_size\":32000,\"intermediate_size\":14336,"
                + "\"num_hidden_layers\":32,\"num_attention_heads\":32,\"num_local_experts\":8,\"num_experts_per_tok\":2}", "Mixtral-8x7B").parameterCount());
        assertEquals(15_706_484_224L, ConfigReader.parse("{\"model_type\":\"deepseek_v2\",\"hidden_size\":2048,\"vocab_size\":102400,\"intermediate_size\":10944,"
                + "\"num_hidden_layers\":27,\"num_attention_heads\":16,\"q_lora_rank\":null,\"kv_lora_rank\":512,\"qk_nope_head_dim\":128,"
                + "\"qk_rope_head_dim\":64,\"v_head_dim\":128,\"n_routed_experts\":64,\"n_shared_experts\":2,\"num_experts_per_tok\":6,"
                + "\"moe_intermediate_size\":1408,\"first_k_dense_replace\":1}", "DeepSeek-V2-Lite").parameterCount());
    }
}
