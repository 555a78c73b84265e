package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compiling needs NVRTC, not a GPU; without it the tests are skipped and say what is missing. */
class KernelCompilerTest {

    private static final String DOUBLE = "extern \"C\" __global__ void twice(float* x) { x[threadIdx.x * W] *= 2.0f; }";

    @TempDir
    Path folder;

    private static void assumeCompiler() {
        try {
            KernelCompiler.version();
        } catch (CudaException missing) {
            assumeTrue(false, missing.getMessage());
        }
    }

    @Test
    void makesMachineCodeOfTheCapabilityAndTheDefines() {
        assumeCompiler();
        byte[] hopper = KernelCompiler.compile("twice.cu", DOUBLE, 90, List.of("W=4"));
        assertEquals("\u007fELF", new String(hopper, 0, 4, StandardCharsets.ISO_8859_1));
        assertNotEquals(Arrays.hashCode(hopper), Arrays.hashCode(KernelCompiler.compile("twice.cu", DOUBLE, 90, List.of("W=8"))));
        assertNotEquals(Arrays.hashCode(hopper), Arrays.hashCode(KernelCompiler.compile("twice.cu", DOUBLE, 80, List.of("W=4"))));
    }

    @Test
    void errorsCarryTheCompilersLog() {
        assumeCompiler();
        CudaException error = assertThrows(CudaException.class, () -> KernelCompiler.compile("twice.cu", DOUBLE, 90, List.of()));
        assertTrue(error.getMessage().contains("twice.cu(1)") && error.getMessage().contains("\"W\" is undefined"), error.getMessage());
    }

    @Test
    void aDamagedFileIsMadeAnewAndAWholeOneIsUsed() throws IOException {
        assumeCompiler();
        CubinCache cache = new CubinCache(folder.resolve("kernels"));
        byte[] first = cache.get("twice.cu", DOUBLE, 90, List.of("W=4"));
        Path file;
        try (var files = Files.list(folder.resolve("kernels"))) {
            file = files.toList().get(0);
        }
        byte[] good = Files.readAllBytes(file);
        byte[] bad = good.clone();
        bad[bad.length / 2] ^= 1;
        Files.write(file, bad);
        assertArrayEquals(first, cache.get("twice.cu", DOUBLE, 90, List.of("W=4")));
        assertArrayEquals(good, Files.readAllBytes(file));
        var written = Files.getLastModifiedTime(file);
        assertArrayEquals(first, cache.get("twice.cu", DOUBLE, 90, List.of("W=4")));
        assertEquals(written, Files.getLastModifiedTime(file));
        try (var files = Files.list(folder.resolve("kernels"))) {
            assertEquals(List.of(file), files.toList());
        }
    }

    @Test
    void aSourceThatIsNotThereIsNamed() {
        CudaException error = assertThrows(CudaException.class, () -> KernelCompiler.source("nothing.cu"));
        assertTrue(error.getMessage().contains("nothing.cu"), error.getMessage());
    }
}
