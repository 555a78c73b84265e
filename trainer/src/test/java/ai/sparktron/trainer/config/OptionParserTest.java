package ai.sparktron.trainer.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.OptionParser.Completeness;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionParserTest {

    @TempDir
    private Path directory;

    private static List<String> problems(Command command, String... words) {
        return assertThrows(ConfigurationException.class, () -> Options.of(command, words)).problems();
    }

    @Test
    void allProblemsAreShownAtOnce() {
        List<String> problems = problems(Command.SFT, "--modle", "m", "--lr", "abc", "--save_interval", "0", "--columns", "[1]", "--lr_decay_style", "foo",
                "--num_workers");
        assertEquals(6, problems.size(), problems.toString());
        assertTrue(problems.contains("--modle (the command line) is not an option of sft; did you mean --model?"), problems.toString());
        assertTrue(problems.contains("--lr abc on the command line: a number is expected"), problems.toString());
        assertTrue(problems.contains("--save_interval 0 on the command line: a whole number in [1,) is expected"), problems.toString());
        assertTrue(problems.contains("--lr_decay_style foo on the command line: one of cosine, linear, constant is expected"), problems.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "packng, packing", "micro-batch-size, micro_batch_size", "lr_warmup_fractoin, lr_warmup_fraction", "max_lenght, max_length",
        "fine_tune, finetune", "save_step, save_steps",
    })
    void unknownOptionsSayWhatWasMeant(String given, String meant) {
        assertTrue(problems(Command.SFT, "--" + given, "1").get(0).contains("did you mean --" + meant), given);
    }

    @Test
    void anOptionOfAnotherCommandSaysWhose() {
        assertTrue(problems(Command.SFT, "--temperature", "1").get(0).endsWith("it belongs to infer"));
    }

    @Test
    void twoSpellingsOfOneOptionAreAConflict() {
        assertEquals(List.of("--save and --output_dir are two names of the same option, and both were given; keep one"),
                problems(Command.SFT, "--save", "a", "--output_dir", "a"));
        assertEquals(1, problems(Command.SFT, "--no_rope_fusion", "true", "--apply_rope_fusion", "true").size());
    }

    @Test
    void theSameOptionTwiceIsRefused() {
        assertEquals(List.of("--lr was given 2 times (1, 2); give it once"), problems(Command.SFT, "--lr", "1", "--lr", "2"));
    }

    @Test
    void listsTakeWordsUntilTheNextOptionAndNegativeNumbersAreValues() {
        Options options = Options.of(Command.SFT, "--dataset", "a.jsonl", "b.jsonl#500", "--eval_iters", "-1", "--packing", "--model", "m");
        assertEquals(List.of("a.jsonl", "b.jsonl#500"), options.data().dataset());
        assertEquals(-1, options.evaluation().evalIters());
        assertTrue(options.packing().packing());
    }

    @Test
    void theCommandLineGoesBeforeTheFileAndTheFileBeforeSettings() throws IOException {
        Path file = directory.resolve("run.yaml");
        Files.writeString(file, "lr: 1e-3\nmin_lr: 1e-4\ndataset: [a, b]\ncolumns: {x: y}\nmodel:\n");
        Options options = OptionParser.parse(Command.SFT, new String[] {"--config", file.toString(), "--lr", "2e-3"},
                Map.of("min_lr", "0", "max_restarts", "7"), Completeness.PARTIAL);
        assertEquals(Optional.of(2e-3), options.learningRate().lr());
        assertEquals(1e-4, options.learningRate().minLr());
        assertEquals(List.of("a", "b"), options.data().dataset());
        assertEquals("{\"x\":\"y\"}", options.data().columns());
        assertEquals(Optional.empty(), options.model().model());
        assertEquals(7, options.cluster().maxRestarts());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"lr\": 1, \"lr\": 2} | found duplicate key lr",
        "lr: [1 | not valid YAML or JSON",
        "[1, 2] | a mapping of option names to values is expected",
        "lrr: 1 | did you mean --lr",
        "lr: high | a number is expected",
    })
    void brokenFilesAreNamed(String text, String expected) throws IOException {
        Path file = directory.resolve("run.yaml");
        Files.writeString(file, text);
        String problem = problems(Command.SFT, "--config", file.toString()).get(0);
        assertTrue(problem.contains(expected) && problem.contains(file.toString()), problem);
    }

    @Test
    void optionsSurviveJavaSerialisationAndArgsFileHidesSecrets() throws Exception {
        Options options = Options.of(Command.SFT, "--model", "m", "--hub_token", "s3cret", "--lr", "1e-3", "--dataset", "a", "b c");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream stream = new ObjectOutputStream(bytes)) {
            stream.writeObject(options);
        }
        try (ObjectInputStream stream = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertEquals(options, stream.readObject());
        }
        Path file = directory.resolve(ArgsFile.NAME);
        Files.writeString(file, ArgsFile.toPublicJson(options));
        assertFalse(Files.readString(file).contains("s3cret"));
        assertFalse(OptionPrinter.effective(options).contains("s3cret"));
        Options read = ArgsFile.read(file);
        assertEquals(options.data(), read.data());
        assertEquals(options.given(), read.given());
    }

    @Test
    void withChangesOneOption() {
        Options options = Options.of(Command.SFT, "--lr", "1e-3", "--save", "a");
        Options changed = options.with("output_dir", "b");
        assertEquals(Optional.of("b"), changed.checkpoint().save());
        assertEquals(options.learningRate(), changed.learningRate());
    }

    @Test
    void helpNamesEveryOptionOfTheCommand() {
        for (Command command : Command.values()) {
            String help = OptionPrinter.help(command);
            for (OptionEntry entry : OptionTable.of(command)) {
                assertTrue(help.contains("--" + entry.name()), entry.toString());
            }
        }
    }
}
