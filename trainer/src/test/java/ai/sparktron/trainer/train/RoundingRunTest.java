package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** bfloat16 weights without main weights are rounded by chance, but on every grid alike. */
class RoundingRunTest extends TinyRunTest {

    private static final String ROUNDED = "--bf16 true --use_precision_aware_optimizer true --main_params_dtype bf16 --lr_decay_style constant --lr_warmup_iters 0 --lr 1e-3";

    private TinyRun.Listener run(String name, int ranks, String... more) throws Exception {
        String[] words = Stream.of(new String[] {"--num_ranks", "" + ranks}, ROUNDED.split(" "), String.join(" ", more).split(" ")).flatMap(Arrays::stream)
                .filter(word -> !word.isEmpty()).toArray(String[]::new);
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words), train, null, name), ranks, false, listener);
        return listener;
    }

    /** Where the shares of two ranks begin, and when they travel, does not show. */
    @ParameterizedTest
    @CsvSource({"--ddp_bucket_size 900", "--overlap_grad_reduce true --overlap_param_gather true --ddp_bucket_size 1300", "--use_megatron_fsdp true"})
    void theSameBitsWhateverTheSharesAre(String shares) throws Exception {
        // One micro-batch a step: a shared model sums gradients over ranks in each.
        double[] whole = run("whole", 2, "--global_batch_size 4 --train_iters 4").losses();
        assertArrayEquals(whole, run("shares", 2, "--global_batch_size 4 --train_iters 4", shares).losses());
    }

    /** Sums over ranks are rounded in other ways, so few weights fall on the other neighbour; with bits of their own a third of them would. */
    @ParameterizedTest
    @CsvSource({"--num_ranks 2, 0.99", "--pipeline_model_parallel_size 2, 0.99", "--use_megatron_fsdp true, 0.99", "--tensor_model_parallel_size 2, 0.9"})
    void weightsFallOnTheSameNeighbours(String grid, double least) throws Exception {
        run("one", 1, "--train_iters 1");
        run("many", 2, grid, "--train_iters 1");
        double same = share("one", "many");
        assertTrue(same >= least, "weights alike: " + same);
    }

    /** Of weights. */
    private double share(String one, String other) throws IOException {
        long same = 0;
        long all = 0;
        try (SafetensorsFile expected = SafetensorsFile.open(directory.resolve(one + "/last/model.safetensors"));
                SafetensorsFile found = SafetensorsFile.open(directory.resolve(other + "/last/model.safetensors"))) {
            for (String name : expected.names()) {
                float[] values = expected.readFloats(name);
                float[] others = found.readFloats(name);
                for (int i = 0; i < values.length; i++) {
                    same += values[i] == others[i] ? 1 : 0;
                }
                all += values.length;
            }
        }
        assertTrue(all > 5000, "weights: " + all);
        return (double) same / all;
    }
}
