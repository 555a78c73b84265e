package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs whose ranks hold stretches of layers are runs of one rank: packed rows, masked labels, ten steps. */
class PipelineRunTest extends TinyRunTest {

    private void model(int layers, boolean tied) throws IOException {
        Path config = tiny.model.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": " + layers)
                .replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": " + tied));
    }

    private TinyRun.Listener run(String name, int ranks, String... words) throws Exception {
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(options(ranks, words), train, validation, name), ranks, false, listener);
        return listener;
    }

    private static Options options(int ranks, String... words) {
        return TinyRun.options(with(words, "--num_ranks", Integer.toString(ranks)));
    }

    private static String[] with(String[] words, String... more) {
        return Stream.concat(Arrays.stream(words), Arrays.stream(more)).toArray(String[]::new);
    }

    private static final String[] TEN_STEPS = {"--train_iters", "10", "--clip_grad", "0.3", "--eval_interval", "5", "--micro_batch_size", "1"};

    /** Ranks, layers, tied or not, and the options of the grid. */
    @ParameterizedTest
    @CsvSource({
        "2, 2, true, --pipeline_model_parallel_size 2",
        "3, 3, true, --pipeline_model_parallel_size 3 --micro_batch_size 8",
        "3, 3, false, --pipeline_model_parallel_size 3",
        "4, 4, true, --pipeline_model_parallel_size 4",
        "2, 5, true, --pipeline_model_parallel_size 2 --decoder_first_pipeline_num_layers 2",
        "3, 6, false, --pipeline_model_parallel_size 3 --decoder_first_pipeline_num_layers 1 --decoder_last_pipeline_num_layers 3",
        "2, 4, true, --pipeline_model_parallel_size 2 --virtual_pipeline_model_parallel_size 2",
        "2, 6, false, --pipeline_model_parallel_size 2 --num_layers_per_virtual_pipeline_stage 1",
        "4, 8, true, --pipeline_model_parallel_size 4 --virtual_pipeline_model_parallel_size 2",
        "2, 4, true, --pipeline_model_parallel_size 2 --virtual_pipeline_model_parallel_size 2 --microbatch_group_size_per_vp_stage 4",
        "2, 3, true, --pipeline_model_parallel_size 2 --pipeline_model_parallel_layout E|tt|t|L",
        "3, 4, false, --pipeline_model_parallel_size 3 --pipeline_model_parallel_layout Ettt|t|L",
        "4, 2, true, --pipeline_model_parallel_size 2 --tensor_model_parallel_size 2 --sequence_parallel true",
        "4, 2, false, --pipeline_model_parallel_size 2 --tensor_model_parallel_size 2",
        "4, 2, true, --pipeline_model_parallel_size 2 --use_distributed_optimizer false",
        "4, 2, true, --pipeline_model_parallel_size 2 --ddp_bucket_size 300",
        "4, 2, true, --pipeline_model_parallel_size 2 --context_parallel_size 2",
        "8, 4, true, --pipeline_model_parallel_size 2 --tensor_model_parallel_size 2 --sequence_parallel true --virtual_pipeline_model_parallel_size 2",
        "4, 2, true, --pipeline_model_parallel_size 2 --use_megatron_fsdp true",
        "4, 4, false, --pipeline_model_parallel_size 2 --virtual_pipeline_model_parallel_size 2 --use_megatron_fsdp true",
        "2, 4, true, --pipeline_model_parallel_size 2 --recompute_granularity full --recompute_method uniform --recompute_num_layers 1"
    })
    void theNumbersOfOneRank(int ranks, int layers, boolean tied, String grid) throws Exception {
        model(layers, tied);
        TinyRun.Listener one = run("one", 1, TEN_STEPS);
        TinyRun.Listener many = run("many", ranks, with(TEN_STEPS, grid.split(" ")));
        assertArrayEquals(one.losses(), many.losses(), 1e-5);
        double[] norms = norms(one);
        assertTrue(norms[0] > 0.3, "clipping is at work");
        for (int i = 0; i < norms.length; i++) {
            assertEquals(norms[i], norms(many)[i], 1e-5 * norms[i]);
        }
        for (int i = 0; i < 2; i++) {
            assertEquals(one.evaluations.get(i).losses().get("loss"), many.evaluations.get(i).losses().get("loss"), 1e-5);
        }
        assertEquals(one.steps.get(5).tokens(), many.steps.get(5).tokens(), "tokens are counted once");
        assertSameWeights(directory.resolve("one/last/model.safetensors"), directory.resolve("many/last/model.safetensors"));
    }

    private static double[] norms(TinyRun.Listener listener) {
        return listener.steps.stream().mapToDouble(step -> step.gradientNorm()).toArray();
    }

    private static void assertSameWeights(Path one, Path many) throws IOException {
        try (SafetensorsFile expected = SafetensorsFile.open(one); SafetensorsFile found = SafetensorsFile.open(many)) {
            assertEquals(List.copyOf(expected.names()), List.copyOf(found.names()));
            for (String name : expected.names()) {
                assertArrayEquals(expected.readFloats(name), found.readFloats(name), 2e-4f, name);
            }
        }
    }
}
