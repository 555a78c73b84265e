package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** What a user of a host without an NVIDIA driver is told. */
class CudaAbsenceTest {

    @Test
    void namesTheFilesWhereTheyWereLookedForAndWhatToInstall() {
        Assumptions.assumeFalse(Files.exists(Path.of("/proc/driver/nvidia/version")), "this host has a driver");
        String first = assertThrows(CudaException.class, () -> CudaDevice.open(0)).getMessage();
        Assumptions.assumeTrue(first.startsWith("cannot load"), "this host has a stub of the driver: " + first);
        assertTrue(first.contains("libcuda.so.1: cannot open shared object file"), first);
        assertTrue(first.contains("LD_LIBRARY_PATH") && first.contains("branch 580"), first);
        // The JVM words a second failure differently; users still see the first one, also from libraries that stand on this one.
        assertEquals(first, assertThrows(CudaException.class, () -> CudaDevice.open(0)).getMessage());
        assertEquals(first, assertThrows(CudaException.class, KernelCompiler::version).getMessage());
    }
}
