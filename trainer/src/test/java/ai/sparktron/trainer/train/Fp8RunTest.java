package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs whose linears multiply in eight bits: near float32, nearly the same on any grid, and resumed to the bit. */
class Fp8RunTest extends TinyRunTest {

    private static final String DELAYED = "--fp8_format hybrid --fp8_amax_history_len 3";

    private TinyRun.Listener run(String name, int ranks, String form, String... more) throws Exception {
        return run(name, ranks, form, false, more);
    }

    private TinyRun.Listener run(String name, int ranks, String form, boolean evaluates, String... more) throws Exception {
        String[] words = Stream.of(new String[] {"--num_ranks", "" + ranks, "--lr_decay_style", "constant"}, form.isEmpty() ? new String[0] : form.split(" "), more)
                .flatMap(Arrays::stream).toArray(String[]::new);
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(TinyRun.options(words), train, evaluates ? validation : null, name), ranks, false, listener);
        return listener;
    }

    @ParameterizedTest
    @ValueSource(strings = {"--fp8_format e4m3 --fp8_recipe tensorwise", "--fp8_format hybrid --fp8_recipe tensorwise", "--fp8_format e4m3 --fp8_recipe blockwise",
        "--fp8_format hybrid --fp8_recipe blockwise --bf16 true", "--fp8_format e4m3", DELAYED, DELAYED + " --fp8_amax_compute_algo most_recent --bf16 true"})
    void nearFloat32(String form) throws Exception {
        double[] exact = run("exact", 1, "", "--train_iters", "12").losses();
        TinyRun.Listener narrow = run("narrow", 1, form, "--train_iters", "12");
        assertArrayEquals(exact, narrow.losses(), 0.03);
        assertTrue(narrow.losses()[11] < narrow.losses()[0] - 0.5, "it learns: " + Arrays.toString(narrow.losses()));
        assertTrue(Math.abs(narrow.losses()[0] - exact[0]) > 1e-5, "these are float32's numbers");
        assertTrue(narrow.lines.stream().anyMatch(line -> line.contains("8 linears of this rank multiply in eight bits")), narrow.lines.toString());
    }

    /** Cut operands have scales of their own, so numbers differ a little, but not as much as eight bits do. */
    @ParameterizedTest
    @CsvSource({"tensorwise, --tensor_model_parallel_size 2 --sequence_parallel true, 2", "delayed, --tensor_model_parallel_size 2, 2",
        "blockwise, --tensor_model_parallel_size 2 --sequence_parallel true, 4", "delayed, --pipeline_model_parallel_size 2, 2", "delayed, --context_parallel_size 2, 2",
        "tensorwise, --use_distributed_optimizer true, 4", "delayed, --use_megatron_fsdp true, 2", "blockwise, --pipeline_model_parallel_size 2, 4"})
    void gridsGiveTheLossesOfOneRank(String recipe, String grid, int ranks) throws Exception {
        String form = "--fp8_format hybrid --fp8_recipe " + recipe;
        double[] whole = run("whole", 1, form).losses();
        double[] cut = run("cut", ranks, form + " " + grid).losses();
        assertArrayEquals(whole, cut, 0.02);
    }

    @ParameterizedTest
    @CsvSource({DELAYED + ", 1", DELAYED + ", 2", DELAYED + " --bf16 true, 2", "--fp8_format e4m3 --fp8_recipe tensorwise --bf16 true, 1",
        "--fp8_format hybrid --fp8_recipe blockwise, 2"})
    void resumedToTheBit(String form, int ranks) throws Exception {
        double[] whole = run("whole", ranks, form, "--train_iters", "8").losses();
        run("before", ranks, form, "--train_iters", "5");
        double[] after = run("after", ranks, form, "--train_iters", "8", "--load", directory.resolve("before").toString(), "--finetune", "false").losses();
        assertArrayEquals(Arrays.copyOfRange(whole, 5, 8), after, 0);
    }

    /** Histories are of the whole model, so they go on on any grid. */
    @Test
    void resumedOnAnotherGrid() throws Exception {
        double[] whole = run("whole", 1, DELAYED, "--train_iters", "8").losses();
        run("before", 2, DELAYED + " --pipeline_model_parallel_size 2", "--train_iters", "5");
        TinyRun.Listener after = run("after", 2, DELAYED + " --tensor_model_parallel_size 2", "--train_iters", "8", "--load", directory.resolve("before").toString(),
                "--finetune", "false");
        assertArrayEquals(Arrays.copyOfRange(whole, 5, 8), after.losses(), 0.02);
        assertFalse(after.lines.toString().contains("begins anew"), after.lines.toString());
    }

    @Test
    void aHistoryOfAnotherLengthBeginsAnewAndSaysSo() throws Exception {
        run("before", 1, DELAYED, "--train_iters", "5");
        TinyRun.Listener after = run("after", 1, "--fp8_format hybrid --fp8_amax_history_len 7", "--train_iters", "8", "--load", directory.resolve("before").toString(),
                "--finetune", "false");
        assertTrue(after.lines.toString().contains("no history of magnitudes of this length"), after.lines.toString());
        assertTrue(after.losses().length == 3 && Arrays.stream(after.losses()).allMatch(Double::isFinite), Arrays.toString(after.losses()));
    }

    /** Layers that run again, and evaluations between steps, leave histories as they would be without. */
    @ParameterizedTest
    @ValueSource(strings = {"--fp8_format hybrid --fp8_recipe tensorwise", DELAYED, "--fp8_format e4m3 --fp8_recipe blockwise"})
    void neitherRecomputationNorEvaluationChangesAnything(String form) throws Exception {
        double[] plain = run("plain", 1, form).losses();
        assertArrayEquals(plain, run("again", 1, form + " --recompute_granularity full --recompute_method uniform --recompute_num_layers 1").losses(), 0);
        assertArrayEquals(plain, run("evaluated", 1, form, true, "--eval_interval", "2").losses(), 0);
    }

    /** What is frozen is quantised once and has no product for its gradient; additions stay as they are. */
    @ParameterizedTest
    @ValueSource(strings = {"--fp8_format hybrid --fp8_recipe tensorwise", DELAYED, "--fp8_format e4m3 --fp8_recipe blockwise"})
    void lowRankAdditionsOverAnEightBitModel(String form) throws Exception {
        run("base", 1, "", "--train_iters", "4");
        String lora = "--train_type lora --lora_rank 3 --lr 1e-2 --train_iters 10 --load " + directory.resolve("base");
        double[] exact = run("exact", 1, lora).losses();
        double[] narrow = run("narrow", 1, lora + " " + form).losses();
        assertArrayEquals(exact, narrow, 0.03);
        assertTrue(narrow[9] < narrow[0] && Math.abs(narrow[0] - exact[0]) > 1e-5, Arrays.toString(narrow) + " beside " + Arrays.toString(exact));
    }

    @Test
    void shapesThatTensorCoresDoNotTakeAreRefused() {
        Exception refusal = assertThrows(Exception.class, () -> run("refused", 1, "--fp8_format hybrid --hidden_size 8 --ffn_hidden_size 24"));
        assertTrue(refusal.getMessage().contains("--fp8_format") && refusal.getMessage().contains("multiples of 16"), refusal.getMessage());
    }
}
