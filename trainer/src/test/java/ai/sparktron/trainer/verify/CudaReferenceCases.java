package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.EngineFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The numbers of Hugging Face's models on a GPU, in float32: one case of each kind of model, of adapters and of preferences. */
abstract class CudaReferenceCases {

    abstract EngineFactory engines();

    @ParameterizedTest
    @ValueSource(strings = {"qwen2", "qwen3", "llama3", "qwen2_moe", "qwen3_moe", "mixtral", "deepseek_v2-lite", "deepseek_v3", "qwen2-lora",
            "qwen2_moe-lora", "qwen3-dpo", "qwen3-kto", "qwen3-reward"})
    void givesTheNumbersOfHuggingFace(String name) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Verification.Report report = new Verification(engines(), Verification.Settings.defaults()).run(CaseFolders.ALL.resolve(name), new PrintStream(bytes, true, StandardCharsets.UTF_8));
        assertTrue(report.passed(), bytes.toString(StandardCharsets.UTF_8));
        assertTrue(report.comparisons().size() >= 20, "only " + report.comparisons().size() + " quantities were compared");
    }
}
