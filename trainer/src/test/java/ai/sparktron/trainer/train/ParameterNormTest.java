package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code log_params_norm} is the norm of the weights that are saved, on every grid. */
class ParameterNormTest extends TinyRunTest {

    private TinyRun.Listener run(int ranks, String words) throws Exception {
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(("--train_iters 3 --num_ranks " + ranks + " " + words).split(" ")), train, null, "run"), ranks, false, listener);
        return listener;
    }

    private double normOfFile() throws IOException {
        double squares = 0;
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("run/last/model.safetensors"))) {
            for (String name : file.names()) {
                for (float value : file.readFloats(name)) {
                    squares += (double) value * value;
                }
            }
        }
        return Math.sqrt(squares);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1 --use_distributed_optimizer false", "2 --overlap_grad_reduce true --overlap_param_gather true --ddp_bucket_size 700",
        "2 --tensor_model_parallel_size 2", "2 --pipeline_model_parallel_size 2", "4 --tensor_model_parallel_size 2 --use_megatron_fsdp true",
        "1 --freeze_parameters embedding"})
    void isThatOfTheSavedWeights(String grid) throws Exception {
        int ranks = Integer.parseInt(grid.substring(0, 1));
        TinyRun.Listener listener = run(ranks, grid.substring(2) + " --log_params_norm true");
        double norm = normOfFile();
        assertTrue(norm > 1, "norm " + norm);
        assertEquals(norm, listener.steps.get(2).losses().get("params_norm"), 1e-5 * norm);
        assertTrue(Files.readString(directory.resolve("run/logging.jsonl")).contains("params_norm"));
    }

    @Test
    void isNotReportedUnasked() throws Exception {
        assertFalse(run(1, "--use_distributed_optimizer true").steps.get(2).losses().containsKey("params_norm"));
    }
}
