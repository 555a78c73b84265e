package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs whose ranks share the tokens of each micro-batch are runs of one rank, whatever else they share. */
class ContextParallelRunTest extends TinyRunTest {

    private TinyRun.Listener run(String name, int ranks, int tensor, int context, String... more) throws Exception {
        String[] words = Stream.of(new String[] {"--num_ranks", "" + ranks, "--tensor_model_parallel_size", "" + tensor, "--context_parallel_size", "" + context,
            "--clip_grad", "0.3", "--eval_interval", "3", "--lr_decay_style", "constant"}, more).flatMap(Stream::of).toArray(String[]::new);
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words), train, validation, name), ranks, false, listener);
        return listener;
    }

    /** Losses, gradient norms (which clip, so that a wrong one shows in all that follows), evaluation, counts of tokens and saved weights. */
    private void assertNumbersOfOneRank(TinyRun.Listener one, TinyRun.Listener many) throws IOException {
        assertArrayEquals(one.losses(), many.losses(), 1e-5);
        assertTrue(one.steps.get(0).gradientNorm() > 0.3, "clipping is at work");
        for (int i = 0; i < one.steps.size(); i++) {
            assertEquals(one.steps.get(i).gradientNorm(), many.steps.get(i).gradientNorm(), 1e-5 * one.steps.get(i).gradientNorm());
            assertEquals(one.steps.get(i).tokens(), many.steps.get(i).tokens(), "tokens are counted once");
        }
        assertEquals(one.evaluations.get(1).losses().get("loss"), many.evaluations.get(1).losses().get("loss"), 1e-5);
        try (SafetensorsFile expected = SafetensorsFile.open(directory.resolve("one/last/model.safetensors"));
                SafetensorsFile found = SafetensorsFile.open(directory.resolve("many/last/model.safetensors"))) {
            assertEquals(List.copyOf(expected.names()), List.copyOf(found.names()));
            for (String name : expected.names()) {
                assertArrayEquals(expected.readFloats(name), found.readFloats(name), 2e-4f, name);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"2, 1, 2, p2p, true, false", "2, 1, 2, all_gather, false, false", "2, 1, 2, a2a, true, false", "8, 2, 2, p2p, true, true"})
    void theNumbersOfOneRank(int ranks, int tensor, int context, String exchange, String distributed, String sequence) throws Exception {
        TinyRun.Listener one = run("one", 1, 1, 1);
        assertNumbersOfOneRank(one, run("many", ranks, tensor, context, "--cp_comm_type", exchange, "--use_distributed_optimizer", distributed,
                "--sequence_parallel", sequence));
    }

    @Test
    void modelSharedOutOverContextRanksToo() throws Exception {
        TinyRun.Listener one = run("one", 1, 1, 1);
        assertNumbersOfOneRank(one, run("many", 4, 1, 2, "--use_megatron_fsdp", "true"));
    }

    @Test
    void bucketsOverlapAndLayersAreComputedAgain() throws Exception {
        TinyRun.Listener one = run("one", 1, 1, 1);
        assertNumbersOfOneRank(one, run("many", 4, 1, 2, "--overlap_grad_reduce", "true", "--overlap_param_gather", "true", "--recompute_granularity", "full",
                "--recompute_method", "uniform", "--recompute_num_layers", "1"));
    }

    /** A micro-batch is one unit of the mean, whoever shares it; its rows depend on the number of replicas, so there is one. */
    @Test
    void meansOfMicroBatches() throws Exception {
        TinyRun.Listener one = run("one", 1, 1, 1, "--calculate_per_token_loss", "false");
        assertNumbersOfOneRank(one, run("many", 2, 1, 2, "--calculate_per_token_loss", "false"));
    }

    @Test
    void resumesWithTheSameBits() throws Exception {
        run("undisturbed", 4, 1, 2);
        run("half", 4, 1, 2, "--train_iters", "3");
        run("rest", 4, 1, 2, "--load", directory.resolve("half").toString(), "--finetune", "false");
        for (int rank = 0; rank < 4; rank++) {
            String file = "last/iter_0000006/state-0000" + rank + "-of-00004.safetensors";
            assertEquals(-1, Files.mismatch(directory.resolve("undisturbed").resolve(file), directory.resolve("rest").resolve(file)), file);
        }
    }

    @Test
    void headsThatCannotBeDealtAreRefused() {
        Exception refused = assertThrows(Exception.class, () -> run("refused", 4, 1, 4, "--cp_comm_type", "a2a"));
        assertTrue(refused.getMessage().contains("--cp_comm_type a2a") && refused.getMessage().contains("--context_parallel_size 4")
                && refused.getMessage().contains("num_key_value_heads"), refused.getMessage());
    }
}
