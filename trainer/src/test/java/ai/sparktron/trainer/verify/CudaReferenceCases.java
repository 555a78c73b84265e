package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.EngineFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The numbers of Hugging Face's models on a GPU, in float32: one case of each kind of model. The cases come from the test jar where the tests do. */
abstract class CudaReferenceCases {

    @TempDir
    Path folder;

    abstract EngineFactory engines();

    @ParameterizedTest
    @ValueSource(strings = {"qwen2", "qwen3", "llama3", "qwen2_moe", "qwen3_moe", "mixtral", "deepseek_v2-lite", "deepseek_v3"})
    void givesTheNumbersOfHuggingFace(String name) throws IOException, URISyntaxException {
        unpack(name);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Verification.Report report = new Verification(engines(), Verification.Settings.defaults()).run(folder, new PrintStream(bytes, true, StandardCharsets.UTF_8));
        assertTrue(report.passed(), bytes.toString(StandardCharsets.UTF_8));
        assertTrue(report.comparisons().size() >= 20, "only " + report.comparisons().size() + " quantities were compared");
    }

    private void unpack(String name) throws IOException, URISyntaxException {
        URI from = CudaReferenceCases.class.getResource("/reference-cases/" + name + "/config.json").toURI();
        if (from.getScheme().equals("jar")) {
            try (FileSystem jar = FileSystems.newFileSystem(from, Map.of())) {
                copy(jar.provider().getPath(from).getParent());
            }
        } else {
            copy(Path.of(from).getParent());
        }
    }

    private void copy(Path from) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(from)) {
            files = all.toList();
        }
        for (Path file : files) {
            Files.copy(file, folder.resolve(file.getFileName().toString()));
        }
    }
}
