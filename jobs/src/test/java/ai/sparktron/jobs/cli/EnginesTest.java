package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.OptionParser;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options reach the settings of a GPU's engine. */
class EnginesTest {

    private static CudaEngine.Settings settings(String... words) {
        return Engines.cuda(OptionParser.parse(Command.PT, words, Map.of(), OptionParser.Completeness.PARTIAL));
    }

    @Test
    void defaultsAreTheFastestKernels() {
        assertEquals(CudaEngine.Settings.usual(), settings());
        assertEquals(CudaEngine.Attention.FASTEST, settings().attention());
        assertFalse(settings().deterministic());
    }

    @Test
    void graphsAreSwitchedOffForInference() {
        assertTrue(Engines.cuda(OptionParser.parse(Command.INFER, new String[0], Map.of(), OptionParser.Completeness.PARTIAL)).graphs());
        String[] words = {"--cuda_graph_impl", "none"};
        assertFalse(Engines.cuda(OptionParser.parse(Command.INFER, words, Map.of(), OptionParser.Completeness.PARTIAL)).graphs());
    }

    @Test
    void deterministicModeAndCache() {
        CudaEngine.Settings settings = settings("--deterministic_mode", "true", "--kernel_cache", "/kernels");
        assertTrue(settings.deterministic());
        assertEquals(Path.of("/kernels"), settings.folder());
    }

    @ParameterizedTest
    @CsvSource({"auto, FASTEST", "fused, FASTEST", "flash, OWN", "unfused, PLAIN", "local, PLAIN"})
    void attentionBackend(String option, CudaEngine.Attention kernels) {
        assertEquals(kernels, settings("--attention_backend", option).attention());
    }
}
