package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import ai.sparktron.trainer.train.Grid.Experts;
import ai.sparktron.trainer.train.Grid.Sharing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs of models with experts: what is reported, what balancing does, and files that go on on another grid. */
class ExpertRunTest {

    private static final String SHAPE = "\"hidden_size\":16,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"intermediate_size\":16,\"moe_intermediate_size\":8,"
            + "\"vocab_size\":40,\"max_position_embeddings\":64,\"tie_word_embeddings\":false,\"torch_dtype\":\"float32\",\"eos_token_id\":2,\"hidden_act\":\"silu\"";
    private static final String QWEN = "{\"architectures\":[\"Qwen3MoeForCausalLM\"],\"model_type\":\"qwen3_moe\",\"num_key_value_heads\":2,\"head_dim\":4,\"num_experts\":8,"
            + "\"num_experts_per_tok\":2,\"norm_topk_prob\":true,\"initializer_range\":%s," + SHAPE + "}";
    private static final String DEEPSEEK = "{\"architectures\":[\"DeepseekV3ForCausalLM\"],\"model_type\":\"deepseek_v3\",\"num_key_value_heads\":4,\"n_routed_experts\":4,"
            + "\"n_shared_experts\":1,\"num_experts_per_tok\":2,\"n_group\":1,\"topk_group\":1,\"first_k_dense_replace\":1,\"q_lora_rank\":8,\"kv_lora_rank\":8,"
            + "\"qk_nope_head_dim\":4,\"qk_rope_head_dim\":4,\"v_head_dim\":4,\"initializer_range\":0.0," + SHAPE + "}";

    private static final Grid REPLICAS = new Grid(1, false, 1, 1, 1, 2, "p2p", Sharing.OPTIMIZER).with(new Experts(2, 1, "alltoall"));
    private static final List<Grid> GRIDS = List.of(Grid.ONE_RANK, REPLICAS, new Grid(2, true, 1, 1, 1, 1, "p2p", Sharing.REPLICAS),
            new Grid(1, false, 1, 1, 2, 2, "p2p", Sharing.OPTIMIZER_IN_BUCKETS).with(new Experts(4, 1, "allgather")),
            new Grid(1, false, 2, 1, 1, 2, "p2p", Sharing.OPTIMIZER).with(new Experts(1, 2, "alltoall")));

    @TempDir
    private Path directory;
    private TinyRun tiny;
    private Path train;

    @BeforeEach
    void prepare() throws IOException {
        tiny = new TinyRun(directory);
        train = tiny.shards("train", 53, 1);
    }

    private void model(String json) throws IOException {
        Files.writeString(tiny.model.resolve("config.json"), json);
    }

    private TinyRun.Listener run(Grid grid, String name, int steps, String... more) throws Exception {
        List<String> words = new ArrayList<>(grid.words());
        words.addAll(List.of("--train_iters", "" + steps, "--micro_batch_size", "1", "--lr_warmup_iters", "0", "--lr_decay_style", "constant", "--clip_grad", "0.3"));
        words.addAll(Arrays.asList(more));
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words.toArray(String[]::new)), train, null, name), grid.ranks(), false, listener);
        return listener;
    }

    /** Routers and gates compute in float32 whatever their weights' gradients are kept in. */
    @Test
    void gradientsOfSixteenBits() throws Exception {
        String[] models = {QWEN.formatted("0.2"), QWEN.formatted("0.2").replace("Qwen3Moe", "Qwen2Moe").replace("qwen3_moe", "qwen2_moe")
                .replace("\"head_dim\":4,", "\"shared_expert_intermediate_size\":8,\"decoder_sparse_step\":1,")};
        Grid sharing = new Grid(1, false, 1, 1, 1, 1, "p2p", Sharing.OPTIMIZER);
        for (String model : models) {
            model(model);
            var exact = run(sharing, "wide" + model.hashCode(), 4, "--bf16", "true", "--use_precision_aware_optimizer", "true", "--lr", "1e-3").steps;
            var rounded = run(sharing, "narrow" + model.hashCode(), 4, "--bf16", "true", "--use_precision_aware_optimizer", "true", "--lr", "1e-3",
                    "--main_grads_dtype", "bf16").steps;
            for (int step = 0; step < exact.size(); step++) {
                assertEquals(exact.get(step).losses().get("loss"), rounded.get(step).losses().get("loss"), 0.02, "step " + step);
            }
            assertEquals(4, rounded.size());
        }
    }

    /**
     * All weights are zero, so all logits are: every token has probability 1/8 for each expert and takes the first two. With T tokens, the sum over experts of
     * tokens times probabilities is 2T * T/8, times 8 / (2 T^2) is 1; logSumExp is ln 8; the fullest expert has T tokens of a mean of 2T/8.
     */
    @Test
    void figuresOfARouterThatKnowsNothing() throws Exception {
        model(QWEN.formatted("0.0"));
        for (Grid grid : GRIDS) {
            for (String type : List.of("aux_loss", "seq_aux_loss")) {
                var losses = run(grid, "figures" + GRIDS.indexOf(grid) + type, 1, "--moe_aux_loss_coeff", "0.25", "--moe_z_loss_coeff", "0.5",
                        "--moe_router_load_balancing_type", type).steps.get(0).losses();
                assertEquals(0.25, losses.get(type.equals("aux_loss") ? "load_balancing_loss" : "seq_load_balancing_loss"), 1e-5, grid + " " + type);
                assertEquals(0.5 * Math.log(8) * Math.log(8), losses.get("z_loss"), 1e-5, grid.toString());
                assertEquals(4.0, losses.get("expert_crowding"), 1e-9, grid.toString());
            }
        }
    }

    /** Equal scores: the first two of four experts get all tokens and lose a step of bias, the others win one and get all tokens of the next step, and so on. */
    @Test
    void biasesMoveAgainstTheLoad() throws Exception {
        model(DEEPSEEK);
        for (Grid grid : List.of(Grid.ONE_RANK, REPLICAS, new Grid(2, true, 1, 1, 1, 1, "p2p", Sharing.REPLICAS).with(new Experts(2, 1, "alltoall")))) {
            String name = "bias" + grid.tensor() + grid.data();
            run(grid, name, 3, "--moe_router_bias_update_rate", "0.25");
            assertArrayEquals(new float[] {-0.25f, -0.25f, 0.25f, 0.25f}, biases(name), grid.toString());
        }
        run(Grid.ONE_RANK, "two", 2, "--moe_router_bias_update_rate", "0.25");
        assertArrayEquals(new float[4], biases("two"), "back after two steps");
        run(Grid.ONE_RANK, "still", 1, "--moe_router_enable_expert_bias", "false");
        assertArrayEquals(new float[4], biases("still"));
    }

    private float[] biases(String run) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(CheckpointStore.open(directory.resolve(run)).directory().resolve("model.safetensors"))) {
            return file.readFloats("model.layers.1.mlp.gate.e_score_correction_bias");
        }
    }

    /**
     * Micro-batches of one row are the same on replicas, so experts' room and Sinkhorn's shares are those of one rank. Two steps: later the last bit of a sum decides
     * which of two tokens has room.
     */
    @ParameterizedTest
    @ValueSource(strings = {"--moe_expert_capacity_factor 0.5 --moe_token_drop_policy probs", "--moe_expert_capacity_factor 0.5 --moe_token_drop_policy position",
        "--moe_router_load_balancing_type sinkhorn", "--moe_expert_capacity_factor 1 --moe_aux_loss_coeff 0.5 --moe_z_loss_coeff 0.1"})
    void balancingShowsAndIsTheSameOnReplicas(String words) throws Exception {
        model(QWEN.formatted("0.2"));
        double[] one = run(Grid.ONE_RANK, "one", 2, words.split(" ")).losses();
        for (String dispatcher : List.of("alltoall", "allgather")) {
            assertArrayEquals(one, run(REPLICAS.with(new Experts(2, 1, dispatcher)), dispatcher, 2, words.split(" ")).losses(), 1e-5, dispatcher);
        }
        double[] without = run(Grid.ONE_RANK, "without", 2).losses();
        assertFalse(Math.abs(one[1] - without[1]) < 1e-5, Arrays.toString(one) + " with it, " + Arrays.toString(without) + " without");
    }

    /** A large weight of the balancing loss evens out what tokens choose. */
    @Test
    void theBalancingLossBalances() throws Exception {
        model(QWEN.formatted("0.2"));
        String[] words = {"--lr", "2e-2"};
        double crowded = run(Grid.ONE_RANK, "crowded", 20, words).steps.get(19).losses().get("expert_crowding");
        double even = run(Grid.ONE_RANK, "even", 20, "--lr", "2e-2", "--moe_aux_loss_coeff", "1").steps.get(19).losses().get("expert_crowding");
        assertTrue(even - 1 < 0.8 * (crowded - 1), "most crowded expert " + even + " of the mean with the loss, " + crowded + " without");
    }

    /** Weights and moments of experts are read by slices, whoever holds them. */
    @Test
    void anotherGridGoesOn() throws Exception {
        model(QWEN.formatted("0.1"));
        double[] whole = run(Grid.ONE_RANK, "whole", 5).losses();
        for (int i = 0; i < GRIDS.size(); i++) {
            Grid next = GRIDS.get((i + 1) % GRIDS.size());
            run(GRIDS.get(i), "before" + i, 3);
            double[] losses = run(next, "after" + i, 5, "--load", directory.resolve("before" + i).toString(), "--finetune", "false").losses();
            assertArrayEquals(Arrays.copyOfRange(whole, 3, 5), losses, 1e-5, GRIDS.get(i) + " continued as " + next);
        }
    }
}
