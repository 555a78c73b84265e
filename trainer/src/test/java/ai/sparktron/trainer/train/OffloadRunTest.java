package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where optimizer state rests does not show in the numbers. */
class OffloadRunTest extends TinyRunTest {

    private static final String OFFLOAD = "--use_precision_aware_optimizer true --optimizer_cpu_offload true";

    private TinyRun.Listener run(String name, int ranks, String form, String... more) throws Exception {
        String[] words = Stream.of(new String[] {"--num_ranks", "" + ranks, "--lr_decay_style", "constant", "--ddp_bucket_size", "900"}, form.split(" "), more)
                .flatMap(Arrays::stream).toArray(String[]::new);
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words), train, null, name), ranks, false, listener);
        return listener;
    }

    /** Buckets of 900 elements make more chunks than there are places for them. */
    @ParameterizedTest
    @CsvSource({"1.0, 1, --bf16 true", "0.4, 2, --bf16 true", "1.0, 2, --bf16 true --main_params_dtype fp16 --exp_avg_dtype fp8 --exp_avg_sq_dtype fp16",
        "0.6, 2, --bf16 true --main_params_dtype bf16 --exp_avg_dtype fp8 --exp_avg_sq_dtype bf16", "1.0, 1, --optimizer adam", "0.0, 1, --bf16 true", "1.0, 2, --bf16 true --overlap_grad_reduce true --overlap_param_gather true"})
    void theSameBits(double fraction, int ranks, String form) throws Exception {
        double[] device = run("device", ranks, form + " --use_precision_aware_optimizer true").losses();
        double[] host = run("host", ranks, form + " " + OFFLOAD + " --optimizer_offload_fraction " + fraction).losses();
        assertArrayEquals(device, host);
        assertTrue(host[5] < host[0], "it learns: " + Arrays.toString(host));
    }

    @Test
    void stateIsSavedAndFoundAgain() throws Exception {
        double[] whole = run("whole", 2, "--bf16 true", "--train_iters", "8").losses();
        run("before", 2, "--bf16 true " + OFFLOAD, "--train_iters", "5");
        String[] on = {"--train_iters", "8", "--load", directory.resolve("before").toString(), "--finetune", "false"};
        assertArrayEquals(Arrays.copyOfRange(whole, 5, 8), run("device", 2, "--bf16 true", on).losses());
        assertArrayEquals(Arrays.copyOfRange(whole, 5, 8), run("host", 2, "--bf16 true " + OFFLOAD + " --optimizer_offload_fraction 0.5", on).losses());
    }

    @Test
    void theDeviceHoldsLess() throws Exception {
        String[] once = {"--train_iters", "1", "--lr_warmup_iters", "0"};
        long device = run("device", 1, "--bf16 true", once).steps.get(0).memoryBytes();
        long half = run("half", 1, "--bf16 true " + OFFLOAD + " --optimizer_offload_fraction 0.5", once).steps.get(0).memoryBytes();
        long host = run("host", 1, "--bf16 true " + OFFLOAD, once).steps.get(0).memoryBytes();
        assertTrue(half < device && host < half, "peaks: " + device + ", " + half + ", " + host);
    }

    @Test
    void notWithSharesOfTheModel() {
        Exception refused = assertThrows(Exception.class, () -> run("refused", 2, "--bf16 true --use_megatron_fsdp true " + OFFLOAD));
        assertTrue(refused.getMessage().contains("--optimizer_cpu_offload") && refused.getMessage().contains("--use_megatron_fsdp"), refused.getMessage());
    }
}
