package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.jobs.barrier.ExitCode;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MainTest {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private ExitCode run(String... args) {
        Console console = new Console(new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8));
        return new Main(console).run(args);
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "stf | did you mean sft?",
        "rlhf --model m --dataset d --train_iters 1 --rlhf_type grpo | --rlhf_type grpo",
        "plan --num_ranks 8 | --model is missing",
        "sft --modle m | did you mean --model?",
        "sft --model m | --dataset or --cached_dataset is missing",
        "sft --model ../benchmarks/models/qwen3-30b-a3b --no_initialization false --dataset d --train_iters 1 --global_batch_size 3 --num_ranks 3"
                + " --expert_model_parallel_size 3 | 128 experts (num_experts in config.json) do not divide by --expert_model_parallel_size 3",
        "verify /no/such/case | /no/such/case",
        "verify . --tensor_model_parallel_size 2 --sequence_parallel true | no config.json",
        "export --to_mcore true --model /no/such/model | /no/such/model",
    })
    void whatAUserCanMendIsAMessageWithoutATrace(String line, String expected) {
        assertEquals(ExitCode.CONFIGURATION, run(line.split(" ")));
        assertTrue(err().startsWith("sparktron: ") && err().contains(expected), err());
        assertFalse(err().contains("\tat "), err());
    }

    @Test
    void debugAddsTheTrace() {
        assertEquals(ExitCode.CONFIGURATION, run("sft", "--modle", "m", "--debug", "true"));
        assertTrue(err().contains("\tat "), err());
    }

    @Test
    void aHostWithoutADriverIsNoSurprise() {
        Assumptions.assumeFalse(Files.exists(Path.of("/proc/driver/nvidia/version")), "this host has a driver");
        assertEquals(ExitCode.INFRASTRUCTURE, run("verify", "../trainer/src/test/resources/reference-cases/qwen2", "--engine", "cuda"));
        assertTrue(err().contains("sparktron: cannot load the driver's libcuda.so.1") && err().contains("LD_LIBRARY_PATH"), err());
        assertFalse(err().contains("\tat "), err());
    }

    @Test
    void aPlanForPeopleAndAsJson() throws Exception {
        String[] plan = {"plan", "--model", "../benchmarks/models/qwen2.5-0.5b/config.json", "--max_length", "1024", "--pipeline_model_parallel_size", "2"};
        assertEquals(ExitCode.OK, run(plan));
        assertTrue(out().contains("memory of a rank of stage") && out().contains("leave stages idle") && out().contains("grids of") && out().contains("options to add"),
                out());
        out.reset();
        assertEquals(ExitCode.OK, run(Stream.concat(Stream.of(plan), Stream.of("--json", "--engine", "nd4j")).toArray(String[]::new)));
        JsonNode json = new ObjectMapper().readTree(out());
        assertEquals(2, json.at("/memory/stages").size(), out());
        assertTrue(json.at("/estimate").isMissingNode() && json.at("/proposals").isEmpty(), "a processor's rates are not known");
    }

    @Test
    void helpOfACommandAndOfAll() {
        assertEquals(ExitCode.OK, run("help"));
        assertEquals(ExitCode.OK, run("sft", "--model", "m", "--help"));
        assertEquals(ExitCode.OK, run("help", "--markdown"));
        assertTrue(out().contains("Commands:") && out().contains("--micro_batch_size, ") && out().contains("| micro_batch_size"), out());
        assertEquals("", err());
    }
}
