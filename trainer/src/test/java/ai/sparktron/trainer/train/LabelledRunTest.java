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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs on answers with a label: what is learnt, the numbers of one rank on every grid, and that a run goes on. */
class LabelledRunTest extends AnswerRunTest {

    LabelledRunTest() {
        super("kto", ShardMetadata.LABELLED);
    }

    @Test
    void goodAnswersBecomeLikelierThanBadOnes() throws Exception {
        TinyRun.Listener listener = run("run", 1, "--train_iters", "20", "--global_batch_size", "12");
        Map<String, Double> first = listener.steps.get(0).losses();
        assertEquals(List.of("loss", "kl", "logps/chosen", "rewards/chosen", "logps/rejected", "rewards/rejected", "rewards/margins"), List.copyOf(first.keySet()));
        assertEquals(0.5, first.get("loss"), 1e-6, "a policy that is its reference");
        assertEquals(0, first.get("kl"), 1e-5);
        assertTrue(AnswerRows.last(listener).get("loss") < 0.4, AnswerRows.last(listener).toString());
        assertTrue(AnswerRows.last(listener).get("rewards/margins") > 1, AnswerRows.last(listener).toString());
        assertEquals(first.keySet(), listener.evaluations.get(0).losses().keySet());
    }

    @Test
    void theDistanceIsMeasuredOnOtherAnswersAndMayBeLeftOut() throws Exception {
        String[] words = {"--train_iters", "12", "--lr", "3e-2", "--undesirable_weight", "0"};
        TinyRun.Listener measured = run("measured", 1, words);
        assertTrue(measured.steps.stream().anyMatch(step -> step.losses().get("kl") > 0.01), "the policy moves: " + measured.steps);
        List<String> without = new ArrayList<>(List.of(words));
        without.addAll(List.of("--calculate_KL", "false"));
        TinyRun.Listener left = run("left", 1, without.toArray(new String[0]));
        assertTrue(left.steps.stream().allMatch(step -> step.losses().get("kl") == 0), left.steps.toString());
        without.set(without.size() - 1, "true");
        without.addAll(List.of("--loss_type", "apo_zero_unpaired"));
        TinyRun.Listener unpaired = run("unpaired", 1, without.toArray(new String[0]));
        assertArrayEquals(left.losses(), unpaired.losses(), 1e-9, "without the distance, losses of desirable answers are the same");
        assertTrue(unpaired.steps.stream().anyMatch(step -> step.losses().get("kl") > 0.01), "it is reported if it is asked for");
    }

    @ParameterizedTest
    @CsvSource({
        "2, --num_ranks 2",
        "2, --tensor_model_parallel_size 2",
        "2, --context_parallel_size 2",
        "4, --tensor_model_parallel_size 2 --context_parallel_size 2 --sequence_parallel true",
        "4, --pipeline_model_parallel_size 2 --context_parallel_size 2",
        "4, --pipeline_model_parallel_size 2 --micro_batch_size 2",
        "2, --use_megatron_fsdp true",
        "2, --recompute_granularity full --recompute_method uniform --recompute_num_layers 1"
    })
    void theNumbersOfOneRank(int ranks, String grid) throws Exception {
        String[] words = {"--desirable_weight", "0.8", "--undesirable_weight", "1.2", "--beta", "0.3", "--clip_grad", "0.5", "--eval_interval", "3", "--lr", "2e-2"};
        TinyRun.Listener one = sameOn(ranks, grid, words);
        assertTrue(one.steps.stream().anyMatch(step -> step.losses().get("kl") > 1e-3), "a distance was measured: " + one.steps);
    }

    @Test
    void aRunGoesOnFromItsCheckpointAndTheBaseOfLoraIsItsReference() throws Exception {
        run("base", 1, "--train_iters", "3");
        String model = checkpoint("base").toString();
        double[] whole = run("whole", 1, "--load", model, "--train_iters", "6").losses();
        run("half", 1, "--load", model, "--train_iters", "3");
        double[] more = run("more", 1, "--load", directory.resolve("half").toString(), "--finetune", "false", "--ref_load", model, "--train_iters", "6").losses();
        assertArrayEquals(new double[] {whole[3], whole[4], whole[5]}, more, 1e-6);
        String[] lora = {"--train_type", "lora", "--lora_rank", "3", "--load", model};
        TinyRun.Listener shared = run("shared", 1, lora);
        List<String> apart = new ArrayList<>(List.of(lora));
        apart.addAll(List.of("--ref_load", model));
        assertArrayEquals(shared.losses(), run("apart", 1, apart.toArray(new String[0])).losses());
        assertEquals(0.5, shared.losses()[0], 1e-6);
    }

    @Test
    void pairsAreNotTakenForAnswersWithLabels() throws Exception {
        AnswerRows pairs = new AnswerRows(directory.resolve("pairs"), ShardMetadata.PAIRS);
        ShardException refusal = assertThrows(ShardException.class, () -> pairs.run("no", 1, "--rlhf_type", "kto"));
        assertTrue(refusal.getMessage().contains("--rlhf_type dpo"), refusal.getMessage());
        ShardException other = assertThrows(ShardException.class, () -> rows.run("neither", 1, "--rlhf_type", "dpo"));
        assertTrue(other.getMessage().contains("--rlhf_type kto"), other.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "--rlhf_type kto --loss_type sigmoid, --loss_type",
        "--rlhf_type kto --loss_type kto apo_zero_unpaired, --loss_type",
        "--loss_type kto, --loss_type",
        "--rlhf_type kto --rpo_alpha 1, --rpo_alpha",
        "--rlhf_type kto --reference_free true, --reference_free",
        "--rlhf_type kto --label_smoothing 0.1, --label_smoothing",
        "--desirable_weight 2, --desirable_weight",
        "--calculate_kl true, --calculate_kl"
    })
    void optionsThatDoNotFitAreNamed(String words, String named) {
        ConfigurationException refusal = assertThrows(ConfigurationException.class, () -> Options.of(Command.RLHF, words.split(" ")));
        assertTrue(refusal.getMessage().contains(named), refusal.getMessage());
    }
}
