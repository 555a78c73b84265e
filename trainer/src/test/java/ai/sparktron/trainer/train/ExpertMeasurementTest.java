package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.measure.Traffic;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameters;
import org.junit.jupiter.api.Test;

/** A rank of a grid that shares experts out is counted as if all experts got as many tokens. */
class ExpertMeasurementTest {

    private static final int ROW = 64;
    private static final int WIDTH = 16;
    private static final int LAYERS = 3;
    private static final int CHOSEN = 2;

    private static ModelConfig config() {
        return ConfigReader.parse("{\"model_type\":\"qwen3_moe\",\"hidden_size\":" + WIDTH + ",\"num_hidden_layers\":" + LAYERS + ",\"num_attention_heads\":4,\"num_key_value_heads\":2,"
                + "\"head_dim\":4,\"intermediate_size\":16,\"moe_intermediate_size\":8,\"num_experts\":8,\"num_experts_per_tok\":" + CHOSEN
                + ",\"vocab_size\":40,\"max_position_embeddings\":64,\"tie_word_embeddings\":false}", "a test");
    }

    private static RankMeasurement measure(String words) {
        Options options = TinyRun.options(("--num_ranks 2 --micro_batch_size 1 --global_batch_size 2 " + words).split(" "));
        return RankMeasurement.of(options, RankMeasurement.Subject.of(options, config(), ROW), 0, 2);
    }

    private static double bytes(RankMeasurement measured, Traffic.Kind kind) {
        return measured.ofMicroBatch().traffic().stream().filter(traffic -> traffic.group().startsWith("experts-") && traffic.kind() == kind).mapToDouble(Traffic::bytes).sum();
    }

    /** Half of the experts' weights: three matrices of 8 x 16 of four experts of each layer. */
    @Test
    void aRankHoldsItsExpertsAlone() {
        long whole = measure("--expert_model_parallel_size 1").memory().weights();
        long gaps = 8L * Parameters.ALIGNMENT * Float.BYTES;
        assertEquals(whole - 4.0 * LAYERS * 3 * 8 * WIDTH * Float.BYTES, measure("--expert_model_parallel_size 2").memory().weights(), gaps);
    }

    /** A row for each choice of each token travels out and back, forward and backward, and a weight out and its gradient back. */
    @Test
    void everyChoiceTravels() {
        assertEquals((double) LAYERS * ROW * CHOSEN * (4 * WIDTH + 2) * Float.BYTES, bytes(measure("--expert_model_parallel_size 2"), Traffic.Kind.ALL_TO_ALL));
        // Weights and rows out, forward, and rows again in backward, to two ranks, beside the choices and the number of tokens.
        double gathered = 2.0 * LAYERS * (ROW * (2 * WIDTH + CHOSEN + CHOSEN) + 1) * Float.BYTES;
        assertEquals(gathered, bytes(measure("--expert_model_parallel_size 2 --moe_token_dispatcher_type allgather"), Traffic.Kind.ALL_GATHER));
    }
}
