package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs in 16 bits, with every form of main weights, gradients and moments: near float32, the same on any grid, and resumed to the bit. */
class PrecisionRunTest extends TinyRunTest {

    private static final String NARROW_STATES = "--bf16 true --use_precision_aware_optimizer true --main_grads_dtype bf16 --exp_avg_dtype bf16 --exp_avg_sq_dtype fp16";
    private static final String NARROW_MAIN = "--bf16 true --use_precision_aware_optimizer true --main_params_dtype fp16 --exp_avg_dtype fp8 --exp_avg_sq_dtype fp8";
    private static final String ROUNDED = "--bf16 true --use_precision_aware_optimizer true --main_params_dtype bf16 --main_grads_dtype bf16 --exp_avg_dtype bf16 --exp_avg_sq_dtype bf16";

    private TinyRun.Listener run(String name, int ranks, String form, String... more) throws Exception {
        String[] words = Stream.of(new String[] {"--num_ranks", "" + ranks, "--lr_decay_style", "constant", "--clip_grad", "0.3"}, form.isEmpty() ? new String[0]
                : form.split(" "), more).flatMap(Arrays::stream).toArray(String[]::new);
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words), train, null, name), ranks, false, listener);
        return listener;
    }

    /** bfloat16 has 8 bits of fraction, so losses may differ by a few thousandths. */
    @ParameterizedTest
    @ValueSource(strings = {"--bf16 true", "--bf16 true --optimizer sgd", "--torch_dtype bfloat16", NARROW_STATES, NARROW_MAIN, ROUNDED})
    void nearFloat32(String form) throws Exception {
        boolean sgd = form.contains("sgd");
        double[] exact = run("exact", 1, sgd ? "--optimizer sgd" : "").losses();
        TinyRun.Listener narrow = run("narrow", 1, form);
        assertArrayEquals(exact, narrow.losses(), 0.02);
        assertTrue(Arrays.stream(narrow.losses()).boxed().toList().get(5) != exact[5], "these are float32's numbers");
        assertTrue(narrow.lines.stream().anyMatch(line -> line.contains("computes in BF16")), narrow.lines.toString());
    }

    /** The first scale overflows here; a step without an update costs some of the way. */
    @Test
    void float16FindsItsScaleAndLearns() throws Exception {
        double[] exact = run("exact", 1, "", "--train_iters", "12").losses();
        TinyRun.Listener narrow = run("narrow", 1, "--fp16 true", "--train_iters", "12");
        long skipped = narrow.steps.get(11).skipped();
        assertTrue(skipped > 0 && skipped < 6, "skipped: " + skipped);
        assertEquals(exact[11 - (int) skipped], narrow.losses()[11], 0.1);
        assertTrue(narrow.losses()[11] < narrow.losses()[0] - 0.5, Arrays.toString(narrow.losses()));
    }

    /** Activations of 16 bits are summed between ranks. */
    @ParameterizedTest
    @ValueSource(strings = {"--bf16 true", "--fp16 true"})
    void cutLayersGiveTheNumbersOfWhole(String form) throws Exception {
        double[] whole = run("whole", 1, form).losses();
        double[] cut = run("cut", 2, form + " --tensor_model_parallel_size 2 --sequence_parallel true").losses();
        assertArrayEquals(whole, cut, 0.02);
    }

    /** Half of what a run holds per parameter and step is the same whether one rank holds it or four, and after a stop. */
    @ParameterizedTest
    @CsvSource({"--bf16 true, 1, 1", "--bf16 true, 2, 2", NARROW_STATES + ", 2, 2", NARROW_MAIN + ", 2, 2", ROUNDED + ", 2, 2", "--fp16 true, 1, 1",
        "--bf16 true --use_megatron_fsdp true, 2, 2"})
    void resumedToTheBit(String form, int ranks, int again) throws Exception {
        double[] whole = run("whole", ranks, form, "--train_iters", "8").losses();
        run("before", ranks, form, "--train_iters", "5");
        double[] after = run("after", again, form, "--train_iters", "8", "--load", directory.resolve("before").toString(), "--finetune", "false").losses();
        // Values are rounded from the update; a resume has but the main weights, which are float16 themselves here.
        assertArrayEquals(Arrays.copyOfRange(whole, 5, 8), after, form.contains("--main_params_dtype fp16") ? 1e-3 : 0);
    }

    /** Sums over ranks are in another order and sometimes round otherwise. */
    @ParameterizedTest
    @CsvSource({"--bf16 true, --bf16 true, 4, 1", NARROW_STATES + ", " + NARROW_STATES + ", 2, 4", NARROW_MAIN + ", " + NARROW_STATES + ", 1, 2", ROUNDED + ", " + ROUNDED + ", 2, 4",
        ROUNDED + ", --bf16 true, 1, 2", "--bf16 true, " + ROUNDED + ", 2, 1", "--bf16 true, '', 2, 1",
        "'', --bf16 true, 1, 2", "--bf16 true --use_megatron_fsdp true, --bf16 true, 2, 1"})
    void resumedOnAnotherGridOrInAnotherForm(String form, String formAfter, int ranks, int ranksAfter) throws Exception {
        double[] whole = run("whole", 1, form, "--train_iters", "8").losses();
        run("before", ranks, form, "--train_iters", "5");
        double[] after = run("after", ranksAfter, formAfter, "--train_iters", "8", "--load", directory.resolve("before").toString(), "--finetune", "false").losses();
        assertArrayEquals(Arrays.copyOfRange(whole, 5, 8), after, 0.01);
    }

    @Test
    void narrowFormsTakeLess() throws Exception {
        long wide = run("wide", 1, "--bf16 true", "--train_iters", "1", "--lr_warmup_iters", "0").steps.get(0).memoryBytes();
        long states = run("states", 1, NARROW_STATES, "--train_iters", "1", "--lr_warmup_iters", "0").steps.get(0).memoryBytes();
        long main = run("main", 1, NARROW_MAIN, "--train_iters", "1", "--lr_warmup_iters", "0").steps.get(0).memoryBytes();
        long rounded = run("rounded", 1, ROUNDED, "--train_iters", "1", "--lr_warmup_iters", "0").steps.get(0).memoryBytes();
        long parameters = 3_000;
        assertTrue(wide - states > 5 * parameters, "2 bytes of the gradient, 4 of the moments: " + wide + " and " + states);
        assertTrue(wide - rounded > 7 * parameters, "2 bytes of the main weight and of the gradient, 4 of the moments: " + wide + " and " + rounded);
        assertTrue(wide - main > 5 * parameters, "6 bytes of the moments: " + wide + " and " + main);
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() {
        Exception gradients = assertThrows(Exception.class, () -> run("refused", 1, "--use_precision_aware_optimizer true --main_grads_dtype bf16"));
        assertTrue(gradients.getMessage().contains("--main_grads_dtype bf16") && gradients.getMessage().contains("--bf16 true"), gradients.getMessage());
        Exception main = assertThrows(Exception.class, () -> run("refused", 1, "--use_precision_aware_optimizer true --main_params_dtype fp16"));
        assertTrue(main.getMessage().contains("--main_params_dtype fp16"), main.getMessage());
        for (String form : new String[] {"", "--fp16 true "}) {
            Exception alone = assertThrows(Exception.class, () -> run("refused", 1, form + "--use_precision_aware_optimizer true --main_params_dtype bf16"));
            assertTrue(alone.getMessage().contains("--main_params_dtype bf16") && alone.getMessage().contains("--bf16 true"), alone.getMessage());
        }
        assertEquals(0, directory.resolve("refused").toFile().list().length, "nothing was written");
    }
}
