package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import ai.sparktron.trainer.model.ConfigReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The GPU gives the numbers of Hugging Face in float32: logits, loss, every gradient, greedy text, trajectories. */
@Tag("gpu")
class CudaCaseTest {

    static List<Path> denseCases() throws IOException {
        return ReferenceCaseTest.cases().stream().filter(folder -> ConfigReader.read(folder).experts() == null).toList();
    }

    @ParameterizedTest
    @MethodSource("denseCases")
    void float32GivesTheNumbersOfHuggingFace(Path folder) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Verification.Report report = new Verification(device -> CudaTestEngines.engine(), Verification.Settings.defaults()).run(folder,
                new PrintStream(text, true, StandardCharsets.UTF_8));
        assertTrue(report.passed(), text.toString(StandardCharsets.UTF_8));
        assertTrue(report.comparisons().size() >= 20, "only " + report.comparisons().size() + " quantities were compared");
    }
}
