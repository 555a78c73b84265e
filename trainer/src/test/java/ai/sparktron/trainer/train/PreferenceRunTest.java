package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.shard.ShardException;
import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs on pairs of answers: what is learnt, the numbers of one rank on every grid, and what preferences are measured from. */
class PreferenceRunTest extends AnswerRunTest {

    PreferenceRunTest() {
        super("dpo", ShardMetadata.PAIRS);
    }

    @Test
    void chosenAnswersBecomeLikelierThanRejectedOnes() throws Exception {
        TinyRun.Listener listener = run("run", 1, "--train_iters", "20");
        Map<String, Double> first = listener.steps.get(0).losses();
        assertEquals(List.of("loss", "nll_loss", "logps/chosen", "logps/rejected", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins"),
                List.copyOf(first.keySet()));
        assertEquals(Math.log(2), first.get("loss"), 1e-6, "a policy that is its reference");
        assertEquals(0, first.get("rewards/chosen"), 1e-5);
        assertTrue(AnswerRows.last(listener).get("loss") < 0.4, AnswerRows.last(listener).toString());
        assertTrue(AnswerRows.last(listener).get("rewards/accuracies") > 0.9, AnswerRows.last(listener).toString());
        assertEquals(AnswerRows.last(listener).get("rewards/margins"), AnswerRows.last(listener).get("rewards/chosen") - AnswerRows.last(listener).get("rewards/rejected"), 1e-9);
        Map<String, Double> evaluated = listener.evaluations.get(0).losses();
        assertEquals(first.keySet(), evaluated.keySet());
        assertTrue(evaluated.get("rewards/accuracies") > 0.6, evaluated.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "2, --num_ranks 2",
        "2, --tensor_model_parallel_size 2",
        "2, --context_parallel_size 2",
        "2, --pipeline_model_parallel_size 2",
        "4, --tensor_model_parallel_size 2 --context_parallel_size 2 --sequence_parallel true",
        "4, --pipeline_model_parallel_size 2 --context_parallel_size 2",
        "4, --pipeline_model_parallel_size 2 --micro_batch_size 2",
        "2, --use_megatron_fsdp true",
        "2, --recompute_granularity full --recompute_method uniform --recompute_num_layers 1"
    })
    void theNumbersOfOneRank(int ranks, String grid) throws Exception {
        String[] words = {"--rpo_alpha", "0.5", "--label_smoothing", "0.1", "--beta", "0.3", "--clip_grad", "0.5", "--eval_interval", "3"};
        TinyRun.Listener one = sameOn(ranks, grid, words);
        assertTrue(AnswerRows.last(one).get("rewards/margins") > 0.05, "something was learnt: " + AnswerRows.last(one));
    }

    @Test
    void theReferenceMayBeAnyModelOrNone() throws Exception {
        run("base", 1, "--train_iters", "3");
        String base = checkpoint("base").toString();
        double[] from = run("from", 1, "--ref_load", base).losses();
        assertTrue(Math.abs(from[0] - Math.log(2)) > 1e-3, "another reference: " + from[0]);
        TinyRun.Listener free = run("free", 1, "--reference_free", "true");
        Map<String, Double> first = free.steps.get(0).losses();
        assertEquals(0.1 * first.get("logps/chosen"), first.get("rewards/chosen"), 1e-6);
    }

    /** Additions switched off are the reference; that is the same as a second copy of the base. */
    @Test
    void theBaseOfLoraIsItsReference() throws Exception {
        run("base", 1, "--train_iters", "3");
        String base = checkpoint("base").toString();
        String[] lora = {"--train_type", "lora", "--lora_rank", "3", "--lora_dropout", "0.1", "--load", base};
        TinyRun.Listener shared = run("shared", 1, lora);
        assertEquals(Math.log(2), shared.losses()[0], 1e-6);
        assertTrue(shared.lines.contains("reference: the model without its additions"), shared.lines.toString());
        assertTrue(AnswerRows.last(shared).get("rewards/margins") > 1e-3, AnswerRows.last(shared).toString());
        List<String> apart = new ArrayList<>(List.of(lora));
        apart.addAll(List.of("--ref_load", base));
        assertArrayEquals(shared.losses(), run("apart", 1, apart.toArray(new String[0])).losses());
        List<String> grid = new ArrayList<>(List.of(lora));
        grid.addAll(List.of("--tensor_model_parallel_size", "2", "--pipeline_model_parallel_size", "2"));
        assertArrayEquals(shared.losses(), run("grid", 4, grid.toArray(new String[0])).losses(), 2e-5);
    }

    @Test
    void aRunGoesOnFromItsCheckpoint() throws Exception {
        run("base", 1, "--train_iters", "3");
        String model = checkpoint("base").toString();
        double[] whole = run("whole", 1, "--load", model, "--train_iters", "6").losses();
        run("half", 1, "--load", model, "--train_iters", "3");
        double[] more = run("more", 1, "--load", directory.resolve("half").toString(), "--finetune", "false", "--ref_load", model, "--train_iters", "6").losses();
        assertArrayEquals(new double[] {whole[3], whole[4], whole[5]}, more, 1e-6);
    }

    @Test
    void rowsThatAreNoPairsAreRefused() throws Exception {
        TinyRun tiny = rows.tiny();
        Path tokens = tiny.shards("rows", 8, 1);
        Options options = TinyRun.options(Command.RLHF);
        ShardException refusal = assertThrows(ShardException.class, () -> TinyRun.run(tiny.plan(options, tokens, null, "no"), 1, false, new TinyRun.Listener()));
        assertTrue(refusal.getMessage().contains("--task rlhf"), refusal.getMessage());
        ShardException other = assertThrows(ShardException.class, () -> TinyRun.run(tiny.plan(TinyRun.options(), rows.train(), null, "neither"), 1, false, new TinyRun.Listener()));
        assertTrue(other.getMessage().contains("rlhf"), other.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "--label_smoothing 0.1 --loss_type hinge, --label_smoothing",
        "--f_divergence_type js_divergence --loss_type apo_zero, --f_divergence_type",
        "--reference_free true --ref_load x, --ref_load",
        "--calculate_per_token_loss true, --calculate_per_token_loss",
        "--packing true --packing_length 100 --max_length 60, --packing_length",
        "--truncation_strategy split, --truncation_strategy"
    })
    void optionsThatDoNotFitAreNamed(String words, String named) {
        ConfigurationException refusal = assertThrows(ConfigurationException.class, () -> Options.of(Command.RLHF, words.split(" ")));
        assertTrue(refusal.getMessage().contains(named), refusal.getMessage());
    }
}
