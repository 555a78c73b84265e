package ai.sparktron.trainer.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

class ConfigOverridesTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private static void assertApplied(String expected, String config, String... words) throws JsonProcessingException {
        String applied = Options.of(Command.PT, words).architecture().applyTo(config);
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
    void ropeGoesWhereTheFileHasIt() throws JsonProcessingException {
        assertApplied("{\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2.0},\"rope_theta\":7.0}", "{\"rope_theta\":1}",
                "--rope_scaling", "2", "--rotary_base", "7");
        assertApplied("{\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":4,\"rope_theta\":1000}}",
                "{\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":1000}}", "--rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4}");
    }

    @Test
    void nothingGivenChangesNothing() throws JsonProcessingException {
        assertApplied("{\"hidden_size\":7}", "{\"hidden_size\":7}");
        assertThrows(ConfigurationException.class, () -> Options.of(Command.PT).architecture().applyTo("[]"));
    }
}
