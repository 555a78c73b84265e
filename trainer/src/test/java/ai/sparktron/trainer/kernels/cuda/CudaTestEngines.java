package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Engine;
import java.nio.file.Path;

/** Engines on the first GPU, for tests in other packages. */
public final class CudaTestEngines {

    private static final CudaEngine.Settings SETTINGS = new CudaEngine.Settings(Path.of(System.getProperty("java.io.tmpdir"), "sparktron-test-kernels"), false, false);

    private CudaTestEngines() {
    }

    /** As in production. */
    public static Engine engine() {
        return new CudaEngine(0, SETTINGS, CudaProducts::of);
    }

    /** With products by loops, which need no cuBLASLt. */
    public static Engine withLoopProducts() {
        return new CudaEngine(0, SETTINGS, LoopProducts::new);
    }
}
