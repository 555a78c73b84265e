package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.tensor.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs whose ranks share each layer's weights are runs of one rank. */
class TensorParallelRunTest extends TinyRunTest {

    private TinyRun.Listener run(String name, int ranks, int tensor, String... words) throws Exception {
        List<String> all = new ArrayList<>(List.of(words));
        all.addAll(List.of("--num_ranks", Integer.toString(ranks), "--tensor_model_parallel_size", Integer.toString(tensor)));
        Options options = TinyRun.options(all.toArray(new String[0]));
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.run(tiny.plan(options, train, validation, name), ranks, false, listener);
        return listener;
    }

    private static String[] with(String[] words, String... more) {
        return Stream.concat(Arrays.stream(words), Arrays.stream(more)).toArray(String[]::new);
    }

    private static double[] norms(TinyRun.Listener listener) {
        return listener.steps.stream().mapToDouble(step -> step.gradientNorm()).toArray();
    }

    /** Losses, evaluation, gradient norms (what is whole counted once) and saved weights; the norm clips, so a wrong one would show in all that follows. */
    @ParameterizedTest
    @CsvSource({"2, 2, true, false", "4, 2, true, false", "4, 2, false, false", "2, 2, true, true", "4, 2, true, true", "2, 2, false, true"})
    void theNumbersOfOneRank(int ranks, int tensor, String distributed, String sequence) throws Exception {
        String[] words = {"--clip_grad", "0.3", "--eval_interval", "3", "--use_distributed_optimizer", distributed};
        TinyRun.Listener one = run("one", 1, 1, words);
        TinyRun.Listener many = run("many", ranks, tensor, with(words, "--sequence_parallel", sequence));
        assertArrayEquals(one.losses(), many.losses(), 1e-5);
        double[] norms = norms(one);
        assertTrue(norms[0] > 0.3, "clipping is at work");
        for (int i = 0; i < norms.length; i++) {
            assertEquals(norms[i], norms(many)[i], 1e-5 * norms[i]);
        }
        assertEquals(one.evaluations.get(1).losses().get("loss"), many.evaluations.get(1).losses().get("loss"), 1e-5);
        assertEquals(one.steps.get(5).tokens(), many.steps.get(5).tokens(), "tokens are counted over replicas alone");
        assertSameWeights(directory.resolve("one/last/model.safetensors"), directory.resolve("many/last/model.safetensors"));
    }

    private static void assertSameWeights(Path one, Path many) throws IOException {
        try (SafetensorsFile expected = SafetensorsFile.open(one); SafetensorsFile found = SafetensorsFile.open(many)) {
            assertEquals(List.copyOf(expected.names()), List.copyOf(found.names()));
            for (String name : expected.names()) {
                assertEquals(expected.entry(name).shape(), found.entry(name).shape());
                assertArrayEquals(expected.readFloats(name), found.readFloats(name), 2e-4f, name);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"2, 2, 1, 1", "1, 1, 2, 2", "4, 2, 2, 1", "2, 1, 4, 2", "2, 2, 4, 2"})
    void continuesOnAnotherGrid(int ranksBefore, int tensorBefore, int ranksAfter, int tensorAfter) throws Exception {
        double[] whole = run("whole", 1, 1, "--train_iters", "8", "--lr_decay_style", "constant").losses();
        run("before", ranksBefore, tensorBefore, "--train_iters", "5", "--lr_decay_style", "constant");
        TinyRun.Listener after = run("after", ranksAfter, tensorAfter, "--train_iters", "8", "--lr_decay_style", "constant", "--load",
                directory.resolve("before").toString(), "--finetune", "false");
        assertEquals(3, after.steps.size());
        for (int i = 0; i < 3; i++) {
            assertEquals(whole[5 + i], after.losses()[i], 1e-5);
        }
    }

    @Test
    void resumesWithTheSameBits() throws Exception {
        run("undisturbed", 4, 2, "--train_iters", "6", "--lr_decay_style", "constant");
        run("half", 4, 2, "--train_iters", "3", "--lr_decay_style", "constant");
        run("rest", 4, 2, "--train_iters", "6", "--lr_decay_style", "constant", "--load", directory.resolve("half").toString(), "--finetune", "false");
        for (int rank = 0; rank < 4; rank++) {
            String file = "last/iter_0000006/state-0000" + rank + "-of-00004.safetensors";
            assertEquals(-1, Files.mismatch(directory.resolve("undisturbed").resolve(file), directory.resolve("rest").resolve(file)), file);
        }
    }

    /** The weights that a run starts from are cut when they are read. */
    @Test
    void startsFromAHuggingFaceDirectory() throws Exception {
        run("first", 1, 1);
        double[] one = run("one", 1, 1, "--load", directory.resolve("first").toString()).losses();
        double[] two = run("two", 2, 2, "--load", directory.resolve("first").toString()).losses();
        assertArrayEquals(one, two, 1e-5);
    }

    @Test
    void aVocabularyThatCannotBeCutIsRefused() throws Exception {
        Path config = tiny.model.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"vocab_size\": 40", "\"vocab_size\": 41"));
        Exception refused = assertThrows(Exception.class, () -> run("refused", 2, 2));
        assertTrue(refused.getMessage().contains("--tensor_model_parallel_size 2") && refused.getMessage().contains("vocab_size"), refused.getMessage());
    }
}
