package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.convert.PeftAdapter;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import ai.sparktron.trainer.train.Grid.Experts;
import ai.sparktron.trainer.train.Grid.Sharing;
import ai.sparktron.trainer.tuner.PeftConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that train additions to experts, routers and gates, with dropout: on grids the numbers of one rank, and files that go on. */
class LoraExpertRunTest {

    private static final String MODEL = "{\"architectures\":[\"Qwen2MoeForCausalLM\"],\"model_type\":\"qwen2_moe\",\"num_key_value_heads\":2,\"num_experts\":4,"
            + "\"num_experts_per_tok\":2,\"shared_expert_intermediate_size\":8,\"decoder_sparse_step\":1,\"initializer_range\":0.2,\"hidden_size\":16,"
            + "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"intermediate_size\":16,\"moe_intermediate_size\":8,\"vocab_size\":40,\"max_position_embeddings\":64,"
            + "\"tie_word_embeddings\":false,\"torch_dtype\":\"float32\",\"eos_token_id\":2,\"hidden_act\":\"silu\"}";

    private static final Grid DEALT = new Grid(1, false, 1, 1, 1, 2, "p2p", Sharing.OPTIMIZER).with(new Experts(2, 1, "alltoall"));
    private static final List<Grid> GRIDS = List.of(DEALT, new Grid(2, true, 1, 1, 1, 1, "p2p", Sharing.REPLICAS).with(new Experts(2, 1, "allgather")),
            new Grid(1, false, 1, 1, 1, 2, "p2p", Sharing.OPTIMIZER_IN_BUCKETS).with(new Experts(1, 2, "alltoall")),
            new Grid(2, true, 1, 1, 1, 2, "p2p", Sharing.OPTIMIZER).with(new Experts(2, 2, "alltoall")),
            new Grid(1, false, 2, 1, 2, 1, "p2p", Sharing.OPTIMIZER).with(new Experts(2, 1, "alltoall")));

    @TempDir
    private Path directory;
    private TinyRun tiny;
    private Path train;
    private Path base;

    @BeforeEach
    void prepare() throws Exception {
        tiny = new TinyRun(directory);
        Files.writeString(tiny.model.resolve("config.json"), MODEL);
        train = tiny.shards("train", 40, 1);
        TinyRun.run(tiny.plan(TinyRun.options("--train_iters", "3"), train, null, "base"), 1, false, new TinyRun.Listener());
        base = last("base");
    }

    private Path last(String run) {
        return CheckpointStore.open(directory.resolve(run)).directory();
    }

    private TinyRun.Listener run(Grid grid, String name, String... more) throws Exception {
        List<String> words = new ArrayList<>(grid.words());
        words.addAll(List.of("--train_type", "lora", "--target_modules", "all-linear all-router shared_expert_gate", "--lora_rank", "3", "--lora_dropout", "0.2", "--lr",
                "1e-2", "--lr_decay_style", "constant", "--lr_warmup_iters", "0", "--load", base.toString(), "--train_iters", "4", "--clip_grad", "0.5"));
        words.addAll(List.of(more));
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words.toArray(String[]::new)), train, null, name), grid.ranks(), false, listener);
        return listener;
    }

    @Test
    void theNumbersOfOneRank() throws Exception {
        TinyRun.Listener one = run(Grid.ONE_RANK, "one");
        assertTrue(one.losses()[3] < one.losses()[0] - 0.02, "nothing is learnt: " + one.losses()[0] + " to " + one.losses()[3]);
        for (Grid grid : GRIDS) {
            String name = "grid" + GRIDS.indexOf(grid);
            TinyRun.Listener many = run(grid, name, "--recompute_granularity", "selective", "--recompute_modules", "moe");
            assertArrayEquals(one.losses(), many.losses(), 2e-5, grid.toString());
            for (int i = 0; i < one.steps.size(); i++) {
                assertEquals(one.steps.get(i).gradientNorm(), many.steps.get(i).gradientNorm(), 2e-4 * one.steps.get(i).gradientNorm(), grid + ": norm of step " + i);
            }
            assertSameTensors(last("one"), last(name), 3e-4f, grid);
        }
    }

    private static void assertSameTensors(Path one, Path many, float tolerance, Grid grid) throws IOException {
        try (SafetensorsFile expected = SafetensorsFile.open(one.resolve(PeftAdapter.FILE)); SafetensorsFile found = SafetensorsFile.open(many.resolve(PeftAdapter.FILE))) {
            assertEquals(List.copyOf(expected.names()), List.copyOf(found.names()));
            assertEquals(2 * 2 * (4 + 4 * 3 + 3 + 2), expected.names().size(), "A and B of attention, experts, the shared one, router and gate of two layers");
            for (String name : expected.names()) {
                assertArrayEquals(expected.readFloats(name), found.readFloats(name), tolerance, grid + ": " + name);
            }
        }
    }

    /** An adapter with additions to parameters says nothing of dropout, which PEFT would refuse: it comes from the options then. */
    @Test
    void aRunGoesOnWithTheSameBits() throws Exception {
        run(DEALT, "whole", "--save_interval", "2");
        run(DEALT, "rest", "--adapter_load", directory.resolve("whole/checkpoint-2").toString(), "--finetune", "false");
        assertEquals(0, PeftConfig.read(last("whole")).dropout());
        for (int rank = 0; rank < 2; rank++) {
            String file = "iter_0000004/state-0000" + rank + "-of-00002.safetensors";
            assertEquals(-1, Files.mismatch(last("whole").resolve(file), last("rest").resolve(file)), file);
        }
        assertEquals(-1, Files.mismatch(last("whole").resolve(PeftAdapter.FILE), last("rest").resolve(PeftAdapter.FILE)), "adapter");
        assertEquals(-1, Files.mismatch(last("whole").resolve(PeftConfig.FILE), last("rest").resolve(PeftConfig.FILE)), "its settings");
    }
}
