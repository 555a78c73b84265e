package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.packing.shard.ShardMetadata;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs that train a model to give answers rewards: what is learnt and saved, the numbers of one rank on every grid, and that a run goes on. */
class RewardRunTest extends AnswerRunTest {

    RewardRunTest() {
        super("rm", ShardMetadata.PAIRS);
    }

    @Test
    void chosenAnswersGetMoreAndTheModelIsSavedAsHuggingFaceNamesIt() throws Exception {
        TinyRun.Listener listener = run("run", 1, "--train_iters", "20", "--center_rewards_coefficient", "0.01");
        Map<String, Double> first = listener.steps.get(0).losses();
        assertEquals(List.of("loss", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "center_rewards_loss"), List.copyOf(first.keySet()));
        assertTrue(AnswerRows.last(listener).get("loss") < 0.4 && AnswerRows.last(listener).get("rewards/accuracies") > 0.9, AnswerRows.last(listener).toString());
        assertEquals(first.keySet(), listener.evaluations.get(0).losses().keySet());
        String config = Files.readString(checkpoint("run").resolve("config.json"));
        assertTrue(config.contains("ForSequenceClassification") && config.contains("\"LABEL_0\""), config);
        try (SafetensorsFile file = SafetensorsFile.open(checkpoint("run").resolve("model.safetensors"))) {
            assertTrue(file.names().contains("score.weight") && !file.names().contains("lm_head.weight"), file.names().toString());
            assertEquals(1, file.entry("score.weight").shape().size(0));
        }
        ConfigurationException refusal = assertThrows(ConfigurationException.class, () -> ModelShape.read(Options.of(Command.SFT),
                checkpoint("run").resolve("config.json")));
        assertTrue(refusal.getMessage().contains("--rlhf_type rm"), refusal.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "2, --num_ranks 2",
        "2, --tensor_model_parallel_size 2",
        "2, --context_parallel_size 2",
        "4, --tensor_model_parallel_size 2 --context_parallel_size 2 --sequence_parallel true",
        "4, --pipeline_model_parallel_size 2 --context_parallel_size 2",
        "4, --pipeline_model_parallel_size 2 --tensor_model_parallel_size 2 --micro_batch_size 2",
        "2, --use_megatron_fsdp true",
        "2, --recompute_granularity full --recompute_method uniform --recompute_num_layers 1"
    })
    void theNumbersOfOneRank(int ranks, String grid) throws Exception {
        String[] words = {"--center_rewards_coefficient", "0.05", "--clip_grad", "0.5", "--eval_interval", "3"};
        sameOn(ranks, grid, words);
    }

    @Test
    void aRunGoesOnFromItsCheckpointOnAnotherGrid() throws Exception {
        double[] whole = run("whole", 1, "--train_iters", "6").losses();
        run("half", 1, "--train_iters", "3");
        double[] more = run("more", 2, "--load", directory.resolve("half").toString(), "--finetune", "false", "--tensor_model_parallel_size", "2", "--train_iters", "6").losses();
        assertArrayEquals(new double[] {whole[3], whole[4], whole[5]}, more, 2e-5);
    }

    /** A policy's files have no head that scores: it is random, trained and saved whole beside the additions. */
    @Test
    void loraTrainsTheHeadAndSavesIt() throws Exception {
        rows.run("policy", 1, "--train_iters", "3");
        TinyRun.Listener listener = run("lora", 1, "--train_type", "lora", "--lora_rank", "3", "--load", checkpoint("policy").toString(), "--train_iters", "12");
        assertTrue(listener.lines.stream().anyMatch(line -> line.startsWith("score.weight is not among them")), listener.lines.toString());
        assertTrue(AnswerRows.last(listener).get("loss") < listener.losses()[0], "learnt: " + AnswerRows.last(listener));
        String adapter = Files.readString(checkpoint("lora").resolve("adapter_config.json"));
        assertTrue(adapter.contains("SEQ_CLS") && adapter.contains("\"score\""), adapter);
        try (SafetensorsFile file = SafetensorsFile.open(checkpoint("lora").resolve("adapter_model.safetensors"))) {
            assertTrue(file.names().stream().anyMatch(name -> name.endsWith("score.weight")), file.names().toString());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "--rlhf_type rm --loss_type sigmoid, --loss_type",
        "--rlhf_type rm --beta 0.2, --beta",
        "--rlhf_type rm --ref_load x, --ref_load",
        "--center_rewards_coefficient 0.1, --center_rewards_coefficient",
        "--rlhf_type rm --center_rewards_coefficient -1, --center_rewards_coefficient"
    })
    void optionsThatDoNotFitAreNamed(String words, String named) {
        ConfigurationException refusal = assertThrows(ConfigurationException.class, () -> Options.of(Command.RLHF, words.split(" ")));
        assertTrue(refusal.getMessage().contains(named), refusal.getMessage());
    }
}
