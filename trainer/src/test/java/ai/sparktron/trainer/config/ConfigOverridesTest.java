package ai.sparktron.trainer.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

class ConfigOverridesTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private static void assertApplied(String expected, String config, String... words) throws JsonProcessingException {
        String applied = ConfigOverrides.apply(Options.of(Command.PT, words), config);
        assertEquals(JSON.readTree(expected), JSON.readTree(applied));
    }

    @Test
    void optionsGoBeforeTheFile() throws JsonProcessingException {
        assertApplied("{'num_hidden_layers':2,'hidden_size':8,'intermediate_size':24,'num_attention_heads':4,'num_key_value_heads':2,'head_dim':16,"
                .replace('\'', '"') + "'max_position_embeddings':64,'rms_norm_eps':1.0E-6,'tie_word_embeddings':false,'vocab_size':99,'rope_theta':5000.0,'kept':1}"
                .replace('\'', '"'),
                "{\"num_hidden_layers\":28,\"tie_word_embeddings\":true,\"kept\":1}",
                "--num_layers", "2", "--hidden_size", "8", "--ffn_hidden_size", "24", "--num_attention_heads", "4", "--num_query_groups", "2",
                "--kv_channels", "16", "--max_position_embeddings", "64", "--norm_epsilon", "1e-6", "--untie_embeddings_and_output_weights", "true",
                "--padded_vocab_size", "99", "--rotary_base", "5000");
    }

    @Test
    void expertsAndLatentsHaveTheNamesThatTheFileHas() throws JsonProcessingException {
        assertApplied("{\"n_routed_experts\":8,\"moe_intermediate_size\":16,\"n_shared_experts\":3,\"num_experts_per_tok\":2,\"routed_scaling_factor\":1.5,\"n_group\":4,"
                + "\"topk_group\":2,\"q_lora_rank\":12,\"kv_lora_rank\":6,\"qk_nope_head_dim\":4,\"qk_rope_head_dim\":2}",
                "{\"n_routed_experts\":64,\"moe_intermediate_size\":99,\"n_shared_experts\":1,\"num_experts_per_tok\":6,\"routed_scaling_factor\":1,\"n_group\":null,"
                + "\"topk_group\":null,\"q_lora_rank\":null,\"kv_lora_rank\":5,\"qk_nope_head_dim\":5,\"qk_rope_head_dim\":5}",
                "--num_experts", "8", "--moe_ffn_hidden_size", "16", "--moe_shared_expert_intermediate_size", "48", "--moe_router_topk", "2",
                "--moe_router_topk_scaling_factor", "1.5", "--moe_router_num_groups", "4", "--moe_router_group_topk", "2", "--q_lora_rank", "12", "--kv_lora_rank", "6",
                "--qk_head_dim", "4", "--qk_pos_emb_head_dim", "2");
        assertApplied("{\"num_local_experts\":4}", "{\"num_local_experts\":8}", "--num_experts", "4", "--q_lora_rank", "3");
        assertApplied("{\"shared_expert_intermediate_size\":5}", "{\"shared_expert_intermediate_size\":8}", "--moe_shared_expert_intermediate_size", "5");
    }

    @Test
    void ropeGoesWhereTheFileHasIt() throws JsonProcessingException {
        assertApplied("{\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2.0},\"rope_theta\":7.0}", "{\"rope_theta\":1}",
                "--rope_scaling", "2", "--rotary_base", "7");
        assertApplied("{\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":4,\"rope_theta\":1000}}",
                "{\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":1000}}", "--rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4}");
    }

    @Test
    void nothingGivenChangesNothing() throws JsonProcessingException {
        assertApplied("{\"hidden_size\":7}", "{\"hidden_size\":7}");
        assertThrows(ConfigurationException.class, () -> ConfigOverrides.apply(Options.of(Command.PT), "[]"));
    }
}
