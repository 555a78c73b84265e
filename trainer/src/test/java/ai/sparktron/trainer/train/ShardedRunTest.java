package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One model shared out over ranks gives the numbers of one rank, and takes less of each. */
class ShardedRunTest extends TinyRunTest {

    private static final String[] SHARED = {"--use_megatron_fsdp", "true"};

    private TinyRun.Listener run(String name, int ranks, int tensor, String[] more, String... most) throws Exception {
        String[] words = Stream.of(new String[] {"--num_ranks", "" + ranks, "--tensor_model_parallel_size", "" + tensor, "--eval_interval", "3", "--clip_grad",
            "0.3", "--lr_decay_style", "constant"}, more, most).flatMap(Stream::of).toArray(String[]::new);
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words), train, validation, name), ranks, false, listener);
        return listener;
    }

    private void untie() throws IOException {
        Path config = tiny.model.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"));
    }

    @ParameterizedTest
    @CsvSource({"2, 1, optim_grads_params, true, none", "4, 1, optim_grads_params, false, none", "4, 2, optim_grads_params, true, none",
        "2, 1, optim_grads, false, none", "2, 1, optim_grads_params, false, full", "2, 1, optim, true, none", "2, 1, no_shard, true, none"})
    void theNumbersOfOneRank(int ranks, int tensor, String strategy, boolean tied, String recompute) throws Exception {
        if (!tied) {
            untie();
        }
        TinyRun.Listener one = run("one", 1, 1, new String[0]);
        String[] again = recompute.equals("none") ? new String[0]
                : new String[] {"--recompute_granularity", "full", "--recompute_method", "uniform", "--recompute_num_layers", "2"};
        TinyRun.Listener many = run("many", ranks, tensor, Stream.of(SHARED, again).flatMap(Stream::of).toArray(String[]::new),
                "--data_parallel_sharding_strategy", strategy);
        assertArrayEquals(one.losses(), many.losses(), 1e-5);
        for (int i = 0; i < one.steps.size(); i++) {
            assertEquals(one.steps.get(i).gradientNorm(), many.steps.get(i).gradientNorm(), 1e-5 * one.steps.get(i).gradientNorm());
        }
        assertTrue(one.steps.get(0).gradientNorm() > 0.3, "clipping is at work");
        assertEquals(one.evaluations.get(1).losses().get("loss"), many.evaluations.get(1).losses().get("loss"), 1e-5);
        try (SafetensorsFile expected = SafetensorsFile.open(directory.resolve("one/last/model.safetensors"));
                SafetensorsFile found = SafetensorsFile.open(directory.resolve("many/last/model.safetensors"))) {
            assertEquals(List.copyOf(expected.names()), List.copyOf(found.names()));
            for (String name : expected.names()) {
                assertArrayEquals(expected.readFloats(name), found.readFloats(name), 2e-4f, name);
            }
        }
    }

    /** To and from shares, replicas and cut layers. */
    @ParameterizedTest
    @CsvSource({"2, 1, true, 1, 1, false", "1, 1, false, 4, 2, true", "4, 1, true, 2, 1, true", "4, 2, true, 2, 2, false"})
    void continuesOnAnotherGrid(int ranksBefore, int tensorBefore, boolean sharedBefore, int ranksAfter, int tensorAfter, boolean sharedAfter) throws Exception {
        double[] whole = run("whole", 1, 1, new String[0], "--train_iters", "8").losses();
        run("before", ranksBefore, tensorBefore, sharedBefore ? SHARED : new String[0], "--train_iters", "5");
        TinyRun.Listener after = run("after", ranksAfter, tensorAfter, sharedAfter ? SHARED : new String[0], "--train_iters", "8", "--load",
                directory.resolve("before").toString(), "--finetune", "false");
        assertEquals(3, after.steps.size());
        for (int i = 0; i < 3; i++) {
            assertEquals(whole[5 + i], after.losses()[i], 1e-5);
        }
    }

    @Test
    void optionsThatDoNotFitAreRefused() {
        Exception refused = assertThrows(Exception.class, () -> run("refused", 2, 1, SHARED, "--data_parallel_sharding_strategy", "half"));
        assertTrue(refused.getMessage().contains("optim_grads_params"), refused.getMessage());
        Exception alone = assertThrows(Exception.class, () -> run("refused", 2, 1, new String[0], "--data_parallel_sharding_strategy", "optim_grads"));
        assertTrue(alone.getMessage().contains("needs --use_megatron_fsdp true"), alone.getMessage());
    }

    /** Peaks of the arenas, activations among them, of a model whose layers outweigh what lies outside of them. */
    @Test
    void memoryOfARankFallsWithWhatIsShared() throws Exception {
        Path config = tiny.model.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 12").replace("\"hidden_size\": 16",
                "\"hidden_size\": 64").replace("\"intermediate_size\": 32", "\"intermediate_size\": 256"));
        long previous = Long.MAX_VALUE;
        long values = 0;
        StringBuilder table = new StringBuilder();
        for (String strategy : List.of("no_shard", "optim", "optim_grads", "optim_grads_params")) {
            TinyRun.Listener listener = run(strategy, 4, 1, SHARED, "--data_parallel_sharding_strategy", strategy, "--train_iters", "3", "--micro_batch_size", "1",
                    "--recompute_granularity", "full", "--recompute_method", "uniform", "--recompute_num_layers", "1");
            long bytes = listener.steps.get(0).memoryBytes();
            table.append(strategy).append(' ').append(bytes).append('\n');
            assertTrue(bytes < previous, table.toString());
            previous = bytes;
            try (SafetensorsFile model = SafetensorsFile.open(directory.resolve(strategy + "/last/model.safetensors"))) {
                values = model.names().stream().mapToLong(name -> model.entry(name).shape().elements() * Float.BYTES).sum();
            }
            switch (strategy) {
                case "no_shard" -> assertTrue(bytes > 4 * values, "values, gradients and two moments: " + table);
                case "optim" -> assertTrue(bytes > 2.5 * values && bytes < 3.2 * values, "values, gradients and a quarter of two moments: " + table + values);
                case "optim_grads" -> assertTrue(bytes < 2.7 * values, "values and a quarter of the rest and of themselves: " + table + values);
                default -> assertTrue(bytes < 1.7 * values, "a quarter of four and two layers: " + table + values);
            }
        }
    }
}
