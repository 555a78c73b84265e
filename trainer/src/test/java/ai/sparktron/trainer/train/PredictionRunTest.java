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
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of a model whose files have layers that predict tokens further on: trained or not, they are in what is saved. */
class PredictionRunTest {

    private static final String MODEL = "{\"architectures\":[\"DeepseekV3ForCausalLM\"],\"model_type\":\"deepseek_v3\",\"num_key_value_heads\":4,\"n_routed_experts\":4,"
            + "\"n_shared_experts\":1,\"num_experts_per_tok\":2,\"n_group\":1,\"topk_group\":1,\"first_k_dense_replace\":1,\"q_lora_rank\":8,\"kv_lora_rank\":8,"
            + "\"qk_nope_head_dim\":4,\"qk_rope_head_dim\":4,\"v_head_dim\":4,\"initializer_range\":0.1,\"num_nextn_predict_layers\":2,"
            + "\"hidden_size\":16,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"intermediate_size\":16,\"moe_intermediate_size\":8,\"vocab_size\":40,"
            + "\"max_position_embeddings\":64,\"tie_word_embeddings\":false,\"torch_dtype\":\"float32\",\"eos_token_id\":2,\"hidden_act\":\"silu\"}";
    private static final Grid STAGES = new Grid(1, false, 2, 1, 1, 2, "p2p", Sharing.OPTIMIZER_IN_BUCKETS).with(new Experts(2, 1, "alltoall"));
    private static final Grid TENSOR = new Grid(2, true, 1, 1, 2, 1, "p2p", Sharing.OPTIMIZER);

    @TempDir
    private Path directory;
    private TinyRun tiny;
    private Path train;

    @BeforeEach
    void prepare() throws IOException {
        tiny = new TinyRun(directory);
        Files.writeString(tiny.model.resolve("config.json"), MODEL);
        train = tiny.shards("train", 53, 1);
    }

    private TinyRun.Listener run(Grid grid, String name, int steps, String... more) throws Exception {
        List<String> words = new ArrayList<>(grid.words());
        words.addAll(List.of("--train_iters", "" + steps, "--micro_batch_size", "1", "--lr_warmup_iters", "0", "--lr_decay_style", "constant"));
        words.addAll(Arrays.asList(more));
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words.toArray(String[]::new)), train, null, name), grid.ranks(), false, listener);
        return listener;
    }

    private static double[] figures(TinyRun.Listener listener, String name) {
        return listener.steps.stream().mapToDouble(step -> step.losses().get(name)).toArray();
    }

    private Map<String, float[]> saved(String run) throws IOException {
        Map<String, float[]> tensors = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(CheckpointStore.open(directory.resolve(run)).directory().resolve("model.safetensors"))) {
            for (String name : file.names()) {
                tensors.put(name, file.readFloats(name));
            }
        }
        return tensors;
    }

    @Test
    void theirLossesFallAndAreTheSameOnGrids() throws Exception {
        TinyRun.Listener one = run(Grid.ONE_RANK, "one", 8, "--mtp_num_layers", "2", "--mtp_loss_scaling_factor", "0.5");
        for (Grid grid : List.of(STAGES, TENSOR)) {
            TinyRun.Listener other = run(grid, "grid" + grid.stages(), 8, "--mtp_num_layers", "2", "--mtp_loss_scaling_factor", "0.5");
            for (String loss : List.of("loss", "mtp_1_loss", "mtp_2_loss")) {
                assertArrayEquals(figures(one, loss), figures(other, loss), 2e-5, loss + " on " + grid);
            }
        }
        for (String loss : List.of("mtp_1_loss", "mtp_2_loss")) {
            double[] figures = figures(one, loss);
            assertEquals(Math.log(40), figures[0], 0.2, "a model that knows nothing, whatever the factor");
            assertTrue(figures[7] < figures[0] - 0.05, loss + " " + Arrays.toString(figures));
        }
        double[] alone = run(Grid.ONE_RANK, "alone", 2).losses();
        assertFalse(Math.abs(alone[1] - one.losses()[1]) < 1e-6, "they train what they share with the model");
    }

    @Test
    void theyAreSavedWithWhatTheyShareAndGoOnOnAnotherGrid() throws Exception {
        String[] words = {"--mtp_num_layers", "2"};
        double[] whole = run(Grid.ONE_RANK, "whole", 5, words).losses();
        run(STAGES, "before", 3, words);
        Map<String, float[]> before = saved("before");
        for (String layer : List.of("model.layers.2.", "model.layers.3.")) {
            for (String own : List.of("enorm.weight", "hnorm.weight", "eh_proj.weight", "shared_head.norm.weight", "self_attn.q_a_proj.weight", "mlp.experts.3.up_proj.weight")) {
                assertTrue(before.containsKey(layer + own), layer + own + " of " + before.keySet());
            }
            assertArrayEquals(before.get("model.embed_tokens.weight"), before.get(layer + "embed_tokens.weight"));
            assertArrayEquals(before.get("lm_head.weight"), before.get(layer + "shared_head.head.weight"));
        }
        double[] after = run(TENSOR, "after", 5, "--load", directory.resolve("before").toString(), "--finetune", "false", "--mtp_num_layers", "2").losses();
        assertArrayEquals(Arrays.copyOfRange(whole, 3, 5), after, 2e-5);
        assertFalse(Arrays.equals(before.get("model.layers.3.eh_proj.weight"), saved("after").get("model.layers.3.eh_proj.weight")), "the second is trained too");
    }

    @Test
    void theyAreKeptWhenOthersOrNoneAreTrained() throws Exception {
        run(Grid.ONE_RANK, "before", 1, "--mtp_num_layers", "2");
        Map<String, float[]> before = saved("before");
        run(STAGES, "without", 2, "--load", directory.resolve("before").toString());
        Map<String, float[]> without = saved("without");
        assertEquals(before.keySet(), without.keySet());
        before.forEach((name, values) -> assertTrue(!name.matches("model\\.layers\\.[23]\\..*") || Arrays.equals(values, without.get(name)), name));
        assertFalse(Arrays.equals(before.get("lm_head.weight"), without.get("lm_head.weight")));
        run(Grid.ONE_RANK, "first", 2, "--load", directory.resolve("before").toString(), "--mtp_num_layers", "1");
        Map<String, float[]> first = saved("first");
        assertEquals(before.keySet(), first.keySet());
        assertFalse(Arrays.equals(before.get("model.layers.2.eh_proj.weight"), first.get("model.layers.2.eh_proj.weight")));
        assertArrayEquals(before.get("model.layers.3.eh_proj.weight"), first.get("model.layers.3.eh_proj.weight"));
        assertArrayEquals(first.get("model.embed_tokens.weight"), first.get("model.layers.2.embed_tokens.weight"));
        assertArrayEquals(before.get("model.layers.3.embed_tokens.weight"), first.get("model.layers.3.embed_tokens.weight"));
    }
}
