package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.checkpoint.CheckpointStore;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class TrainRunTest extends TinyRunTest {

    private TinyRun.Listener run(Options options, int ranks, String name) throws Exception {
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(options, train, validation, name), ranks, false, listener);
        return listener;
    }

    @Test
    void learnsAndSavesWhatHuggingFaceLoads() throws Exception {
        TinyRun.Listener listener = run(TinyRun.options("--train_iters", "60", "--save_interval", "20", "--save_total_limit", "2", "--eval_interval", "30",
                "--lr", "1e-2"), 1, "run");
        double[] losses = listener.losses();
        assertEquals(60, losses.length);
        assertTrue(losses[0] > 3.2 && losses[59] < 1.0, "first " + losses[0] + ", last " + losses[59]);
        assertEquals(List.of(30L, 60L), listener.evaluations.stream().map(metrics -> metrics.iteration()).toList());
        assertEquals(5, listener.evaluations.get(0).samples(), "the last, partial batch counts too");

        Path run = directory.resolve("run");
        assertEquals("60", Files.readString(run.resolve(CheckpointStore.LATEST_FILE)));
        assertEquals(2, new CheckpointStore(run).list().size());
        for (String file : List.of("config.json", "model.safetensors", "generation_config.json", "args.json", "iter_0000060/manifest.json")) {
            assertTrue(Files.exists(run.resolve("last").resolve(file)), file);
        }
        assertEquals(62, Files.readAllLines(run.resolve("logging.jsonl")).size());
        assertTrue(Files.exists(run.resolve("images/train_loss.png")));
        try (SafetensorsFile weights = SafetensorsFile.open(run.resolve("last/model.safetensors"))) {
            assertTrue(weights.contains("model.layers.1.self_attn.k_norm.weight"));
            assertEquals(List.of(40L, 16L), boxed(weights.entry("model.embed_tokens.weight").shape().toArray()));
        }
    }

    /** Five rows are fewer than the micro-batches of four ranks: Megatron-SWIFT leaves such a set out. */
    @Test
    void aValidationSetSmallerThanAStepIsEvaluatedWhole() throws Exception {
        var one = run(TinyRun.options("--eval_interval", "3"), 1, "one").evaluations.get(0);
        var four = run(TinyRun.options("--eval_interval", "3", "--num_ranks", "4", "--micro_batch_size", "2"), 4, "four").evaluations.get(0);
        assertEquals(5, four.samples());
        assertEquals(one.tokens(), four.tokens());
        assertEquals(one.losses().get("loss"), four.losses().get("loss"), 1e-5);
    }

    @Test
    void ranksGiveTheLossOfOne() throws Exception {
        double[] one = run(TinyRun.options(), 1, "one").losses();
        for (int ranks : new int[] {2, 4}) {
            for (String distributed : List.of("true", "false")) {
                double[] many = run(TinyRun.options("--num_ranks", Integer.toString(ranks), "--use_distributed_optimizer", distributed), ranks,
                        ranks + distributed).losses();
                assertArrayEquals(one, many, 1e-5, ranks + " ranks, distributed optimizer " + distributed);
            }
        }
    }

    @Test
    void theCutIntoMicroBatchesDoesNotMatter() throws Exception {
        double[] two = run(TinyRun.options(), 1, "two").losses();
        double[] eight = run(TinyRun.options("--micro_batch_size", "8"), 1, "eight").losses();
        assertArrayEquals(two, eight, 1e-5);
        double[] means = run(TinyRun.options("--calculate_per_token_loss", "false"), 1, "means").losses();
        assertTrue(Math.abs(means[0] - two[0]) > 1e-6, "a mean of means is another number when micro-batches differ in trained tokens");
    }

    /** Killed in step 5 of 9 after a save at 4, in the second epoch: the end has the bits of an undisturbed run. */
    @Test
    void anInterruptedRunEndsWithTheSameBits() throws Exception {
        Options options = TinyRun.options("--train_iters", "9", "--save_interval", "4", "--num_ranks", "2", "--global_batch_size", "12");
        run(options, 2, "undisturbed");

        RunPlan plan = tiny.plan(options, train, validation, "disturbed");
        TinyRun.Listener killer = new TinyRun.Listener() {
            @Override
            public void phase(long iteration, String phase) {
                if (iteration == 6) {
                    throw new IllegalStateException("killed in step 6");
                }
            }
        };
        assertThrows(Exception.class, () -> TinyRun.run(plan, 2, false, killer));
        TinyRun.Listener resumed = new TinyRun.Listener();
        TinyRun.run(plan, 2, true, resumed);

        assertEquals(5, resumed.steps.get(0).iteration(), "goes on after the checkpoint of step 4");
        for (String file : List.of("model.safetensors", "iter_0000009/state-00000-of-00002.safetensors", "iter_0000009/state-00001-of-00002.safetensors")) {
            assertEquals(-1, Files.mismatch(directory.resolve("undisturbed/last").resolve(file), directory.resolve("disturbed/last").resolve(file)), file);
        }
        List<String> log = Files.readAllLines(directory.resolve("disturbed/logging.jsonl"));
        assertEquals(9, log.stream().filter(line -> line.contains("grad_norm")).count(), "each step is logged once");
    }

    @Test
    void continuesFromALoadedCheckpointOnAnotherNumberOfRanks() throws Exception {
        Options whole = TinyRun.options("--train_iters", "8", "--lr_decay_style", "constant");
        double[] expected = run(whole, 1, "whole").losses();
        run(TinyRun.options("--train_iters", "5", "--lr_decay_style", "constant", "--num_ranks", "2"), 2, "first");
        TinyRun.Listener second = run(TinyRun.options("--train_iters", "8", "--lr_decay_style", "constant", "--load",
                directory.resolve("first").toString(), "--finetune", "false"), 1, "second");
        assertEquals(3, second.steps.size());
        for (int i = 0; i < 3; i++) {
            assertEquals(expected[5 + i], second.losses()[i], 1e-5);
        }
        TinyRun.Listener fresh = run(TinyRun.options("--load", directory.resolve("first").toString()), 1, "finetuned");
        assertEquals(6, fresh.steps.size(), "finetune: the weights, from step 0");
        assertTrue(fresh.losses()[0] < expected[0] - 0.05, "trained weights, not random ones");
    }

    @Test
    void stopsAtALossThatIsNotFinite() throws Exception {
        TrainingException stopped = assertThrows(TrainingException.class, () -> run(TinyRun.options("--lr", "1e30", "--train_iters", "30",
                "--clip_grad", "0", "--lr_decay_style", "constant"), 1, "diverged"));
        assertTrue(stopped.getMessage().contains("gradient norm") && stopped.getMessage().contains("Lower --lr"), stopped.getMessage());
    }

    @Test
    void refusesRowsBeyondTheVocabulary() throws IOException {
        Path config = tiny.model.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"vocab_size\": 40", "\"vocab_size\": 32"));
        Exception refused = assertThrows(Exception.class, () -> run(TinyRun.options(), 1, "refused"));
        assertTrue(refused.getMessage().contains("32") && refused.getMessage().contains("40"), refused.getMessage());
    }

    private static List<Long> boxed(long[] values) {
        return java.util.Arrays.stream(values).boxed().toList();
    }
}
