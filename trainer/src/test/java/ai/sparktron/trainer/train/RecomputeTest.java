package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import java.nio.file.Files;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whatever is computed again in backward leaves the bits of every step as they are, and takes as much less memory as was not kept. */
class RecomputeTest extends TinyRunTest {

    /** Letters: T tokens, D stream, H heads, K head size, F feed-forward, all in float32; four layers. With 64 tokens no tensor is padded. */
    private static final int T = 64;
    private static final int D = 32;
    private static final int H = 4;
    private static final int K = 8;
    private static final int F = 48;
    private static final int LAYERS = 4;

    private static final String SHAPE = "\"hidden_size\":32,\"intermediate_size\":48,\"num_hidden_layers\":4,\"num_attention_heads\":4,\"vocab_size\":40,"
            + "\"max_position_embeddings\":64,\"tie_word_embeddings\":false,\"torch_dtype\":\"float32\",\"eos_token_id\":2,\"hidden_act\":\"silu\",\"rms_norm_eps\":1e-6,"
            + "\"initializer_range\":0.1";

    enum Model {
        DENSE("{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"num_key_value_heads\":2,\"head_dim\":8,\"rope_theta\":10000.0," + SHAPE + "}"),
        EXPERTS("{\"architectures\":[\"Qwen3MoeForCausalLM\"],\"model_type\":\"qwen3_moe\",\"num_key_value_heads\":2,\"head_dim\":8,\"num_experts\":8,"
                + "\"num_experts_per_tok\":2,\"norm_topk_prob\":true,\"moe_intermediate_size\":24," + SHAPE + "}"),
        LATENT("{\"architectures\":[\"DeepseekV3ForCausalLM\"],\"model_type\":\"deepseek_v3\",\"num_key_value_heads\":4,\"n_routed_experts\":4,\"n_shared_experts\":1,"
                + "\"num_experts_per_tok\":2,\"n_group\":1,\"topk_group\":1,\"first_k_dense_replace\":2,\"q_lora_rank\":8,\"kv_lora_rank\":8,\"qk_nope_head_dim\":4,"
                + "\"qk_rope_head_dim\":4,\"v_head_dim\":4,\"moe_intermediate_size\":24," + SHAPE + "}");

        private final String json;

        Model(String json) {
            this.json = json;
        }

        ModelConfig config() {
            return ConfigReader.parse(json, "a test");
        }
    }

    private static final String FULL = "--recompute_granularity full --recompute_method ";

    private static String selective(String modules) {
        return "--recompute_granularity selective --recompute_modules " + modules;
    }

    /** What can be different in a model of each kind; the kinds share the rest of their code. */
    private static List<String> ways(Model model) {
        return switch (model) {
            case DENSE -> List.of(selective("core_attn"), selective("mlp"), selective("layernorm"), FULL + "uniform --recompute_num_layers 3",
                    FULL + "block --recompute_num_layers 1");
            case EXPERTS -> List.of(selective("moe"), selective("moe_act"), FULL + "uniform --recompute_num_layers 1");
            case LATENT -> List.of(selective("mla_up_proj"), selective("core_attn mlp moe moe_act mla_up_proj layernorm"));
        };
    }

    /** Words of a command line as pairs of a name and its values. */
    private static String[] words(String text) {
        return Stream.of(text.split(" (?=--)")).flatMap(option -> Stream.of(option.split(" ", 2))).toArray(String[]::new);
    }

    /** Bytes that forward leaves to backward, of one row of T tokens. */
    private static long activations(Model model, String recompute) {
        return activations(model, 1, recompute);
    }

    /** Of the first of some stages, with as many rows under way as there are stages. */
    private static long activations(Model model, int stages, String recompute) {
        Options options = TinyRun.options(words("--max_length " + T + " --micro_batch_size 1 --global_batch_size 4 --num_ranks " + stages
                + " --pipeline_model_parallel_size " + stages + " " + recompute));
        return RankMeasurement.of(options, RankMeasurement.Subject.of(options, model.config(), T), 0, stages).memory().activations();
    }

    private static long saved(Model model, String modules) {
        return activations(model, "--recompute_granularity none") - activations(model, selective(modules));
    }

    private static long floats(long perToken) {
        return perToken * T * Float.BYTES;
    }

    @ParameterizedTest
    @EnumSource(Model.class)
    void theSameBits(Model model) throws Exception {
        Files.writeString(tiny.model.resolve("config.json"), model.json);
        double[] kept = losses("kept", "--recompute_granularity none");
        for (String way : ways(model)) {
            assertArrayEquals(kept, losses("again" + ways(model).indexOf(way), way), 0, way);
        }
    }

    private double[] losses(String name, String recompute) throws Exception {
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words("--train_iters 3 --moe_aux_loss_coeff 0.01 " + recompute)), train, null, name), 1, false, listener);
        assertEquals(3, listener.steps.size());
        return listener.losses();
    }

    /** A layer keeps: two streams, two inverse norms, [q | k | v], heads and their log-sum-exps, [gate | up]; none of the norms' outputs and no activation. */
    @Test
    void whatADenseModelKeeps() {
        long layer = 2 * D + 2 + (H + 2 * 2) * K + H * K + H + 2 * F;
        long ends = 2 * D + 6;
        assertEquals(floats(LAYERS * layer + ends), activations(Model.DENSE, "--recompute_granularity none"), "all kept");
        assertEquals(floats(LAYERS * 2 * D + ends + layer - 2 * D), activations(Model.DENSE, FULL + "uniform --recompute_num_layers 1"),
                "the streams, and of one layer all");
        assertEquals(floats(LAYERS * 2 * D + ends + 3 * (layer - 2 * D)), activations(Model.DENSE, FULL + "uniform --recompute_num_layers 3"),
                "the streams, and of three layers all");
        assertEquals(floats(LAYERS * 2 * D + ends + 3 * (layer - 2 * D)), activations(Model.DENSE, FULL + "block --recompute_num_layers 1"),
                "the streams, and of three layers all, the first being computed again when the others are through");
    }

    /** However many rows a pipeline has under way, one layer at a time is computed again. */
    @Test
    void rowsUnderWayShareTheMemoryOfALayer() {
        long beyondStreams = floats(2 + (H + 2 * 2) * K + H * K + H + 2 * F);
        int underWay = 2;
        int layers = LAYERS / underWay;
        assertEquals((underWay * layers - 1) * beyondStreams,
                activations(Model.DENSE, 2, "--recompute_granularity none") - activations(Model.DENSE, 2, FULL + "uniform --recompute_num_layers 1"));
        assertEquals((underWay * layers - 1) * floats(2L * F),
                activations(Model.DENSE, 2, "--recompute_granularity none") - activations(Model.DENSE, 2, selective("mlp")));
    }

    /** Of a part that is computed again one layer's is there at a time. */
    @Test
    void eachModuleFreesWhatItNames() {
        assertEquals(floats((long) LAYERS * (H * K + H)), saved(Model.DENSE, "core_attn"), "heads and log-sum-exps of all layers");
        assertEquals(floats((LAYERS - 1) * 2L * F), saved(Model.DENSE, "mlp"), "[gate | up] of all layers but one");
        long twoHeads = 2L * H * (4 + 4) + H * 4L;
        assertEquals(floats(LAYERS * twoHeads), saved(Model.LATENT, "mla_up_proj"), "queries, keys and values of all layers");
        assertEquals(floats(LAYERS * (H * 4L + H)), saved(Model.LATENT, "core_attn"), "latent attention's heads");
        long places = 2;
        assertTrue(saved(Model.EXPERTS, "moe") >= floats((LAYERS - 1) * places * 2 * 24), "[gate | up] of the experts of all layers but one");
        assertTrue(saved(Model.LATENT, "mlp") >= floats(2L * F), "dense layers of a model with experts");
        assertTrue(saved(Model.LATENT, "moe") >= floats(places * 2 * 24), "and those with experts");
    }

    /** They are never kept, so naming them frees nothing more: the formula of what is kept has neither. */
    @ParameterizedTest
    @EnumSource(Model.class)
    void activationsAndNormsAreNeverKept(Model model) {
        assertEquals(0, saved(model, "layernorm"));
        assertEquals(0, saved(model, "moe_act"));
    }

    /** Of experts: routing, two places a token of [gate | up], weights; no activation [N, F], which would be a third more. */
    @Test
    void whatAModelWithExpertsKeeps() {
        long dense = 2 * D + 2 + (H + 2 * 2) * K + H * K + H;
        long experts = activations(Model.EXPERTS, "--recompute_granularity none") - floats(LAYERS * dense + 2 * D + 6);
        long both = floats(LAYERS * 2L * 2 * 24);
        assertTrue(experts >= both && experts < both + both / 2, experts + " bytes of experts, of which [gate | up] takes " + both);
    }

    /** The default, core_attn, is nothing more to do than what kernels do anyway. */
    @Test
    void theDefaultKeepsHeads() {
        assertEquals(activations(Model.DENSE, "--recompute_granularity none"), activations(Model.DENSE, "--recompute_granularity selective"));
    }
}
