package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.OptionParser;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several cases on grids, with ranks as threads and as processes. */
@Timeout(120)
class VerifyCommandTest {

    private static final String CASES = "../trainer/src/test/resources/reference-cases/";

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private ExitCode code;

    private List<String> verify(VerifyCommand.Ranks ranks, String... words) throws Exception {
        out.reset();
        PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
        code = new VerifyCommand(OptionParser.parse(Command.VERIFY, words, Map.of(), OptionParser.Completeness.COMPLETE), new Console(stream, stream)).run(ranks);
        return out.toString(StandardCharsets.UTF_8).lines().toList();
    }

    @Test
    void processesTellWhatThreadsTell() throws Exception {
        String[] words = {CASES + "mixtral", CASES + "qwen1.5-moe", "--expert_model_parallel_size", "2", "--num_ranks", "2"};
        List<String> threads = verify(VerifyCommand.Ranks.THREADS, words);
        assertEquals(ExitCode.OK, code, () -> String.join("\n", threads));
        assertEquals(2, threads.stream().filter(line -> line.matches("verify .* on 2 ranks: pass, \\d\\d+ quantities")).count(), String.join("\n", threads));
        assertEquals(threads, verify(VerifyCommand.Ranks.PROCESSES, words));
        assertEquals(ExitCode.OK, code);
    }

    @Test
    void aCaseThatDoesNotGoWithTheGridIsToldAndNoPass() throws Exception {
        List<String> lines = verify(VerifyCommand.Ranks.THREADS, CASES + "qwen3-wide-heads", CASES + "llama-bias", "--tensor_model_parallel_size", "2");
        assertEquals(ExitCode.CONFIGURATION, code);
        assertTrue(lines.get(0).startsWith("verify " + CASES + "qwen3-wide-heads: does not go with this grid: ") && lines.get(0).contains("num_key_value_heads"), lines.get(0));
        assertTrue(lines.get(lines.size() - 1).contains("llama-bias on 2 ranks: pass"), lines.get(lines.size() - 1));
        ConfigurationException alone = assertThrows(ConfigurationException.class,
                () -> verify(VerifyCommand.Ranks.PROCESSES, CASES + "qwen3-wide-heads", "--tensor_model_parallel_size", "2"));
        assertTrue(alone.getMessage().contains("num_key_value_heads"), alone.getMessage());
    }

    @Test
    void aFailingCaseIsNoPassInProcesses() throws Exception {
        List<String> lines = verify(VerifyCommand.Ranks.PROCESSES, CASES + "qwen2-tied", CASES + "qwen3-dpo", "--gradient_tolerance", "1e-12", "--num_ranks", "1");
        assertEquals(ExitCode.CONFIGURATION, code);
        assertEquals(2, lines.stream().filter(line -> line.contains("on 1 rank: FAIL, ")).count(), String.join("\n", lines));
    }

    @Test
    void preferencesHaveUsualTolerances() throws Exception {
        assertTrue(verify(VerifyCommand.Ranks.THREADS, CASES + "qwen3-reward").size() > 3);
        assertEquals(ExitCode.OK, code);
    }

    @Test
    void oneFileIsForOneCase() {
        ConfigurationException refused = assertThrows(ConfigurationException.class, () -> verify(VerifyCommand.Ranks.THREADS, "a", "b", "--write", "c"));
        assertTrue(refused.getMessage().contains("--write is for one case, and 2 were given"), refused.getMessage());
        assertFalse(refused.getMessage().contains("there is no directory"), refused.getMessage());
    }
}
