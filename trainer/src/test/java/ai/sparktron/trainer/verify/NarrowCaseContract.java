package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Recompute;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Engines in 16 bits: at most one and a half times as far from Hugging Face's float32 numbers as PyTorch itself is in bfloat16. */
abstract class NarrowCaseContract {

    abstract EngineFactory engines();

    /** Without experts: where two of them are near, rounding chooses another one, and all numbers are others. */
    static List<Path> denseCases() throws IOException {
        try (Stream<Path> folders = Files.list(CaseFolders.ALL)) {
            List<Path> cases = folders.filter(folder -> Files.exists(folder.resolve("bfloat16-errors.json")) && !folder.toString().matches(".*(deepseek|moe|mixtral).*"))
                    .sorted().toList();
            assertTrue(cases.size() >= 14, "cases with PyTorch's errors went missing: " + cases);
            return cases;
        }
    }

    @ParameterizedTest
    @MethodSource("denseCases")
    void bfloat16IsAsNearAsPyTorch(Path folder) throws IOException {
        assertNear(folder, DType.BF16);
    }

    @ParameterizedTest
    @MethodSource("denseCases")
    void float16IsNearer(Path folder) throws IOException {
        assertNear(folder, DType.F16);
    }

    private void assertNear(Path folder, DType values) throws IOException {
        Verification.Settings settings = new Verification.Settings(Mesh.ofData(1), ParallelPlan.Settings.defaults(), 0, Recompute.none(),
                DecoderModel.Options.DEFAULT_CHUNK_BYTES, null, values, null);
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Verification.Report report = new Verification(engines(), settings).run(folder, new PrintStream(text, true, StandardCharsets.UTF_8));
        assertTrue(report.passed(), text.toString(StandardCharsets.UTF_8));
        assertTrue(report.comparisons().size() >= 20, "only " + report.comparisons().size() + " quantities were compared");
        assertTrue(report.comparisons().stream().anyMatch(comparison -> comparison.maxDifference() > 2e-4), "these are float32's numbers: " + text);
    }
}
