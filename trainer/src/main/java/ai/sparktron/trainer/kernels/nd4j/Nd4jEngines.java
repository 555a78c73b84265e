package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.tensor.DType;
import java.util.List;
import java.util.Set;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;

/** Opens the CPU engine. */
public final class Nd4jEngines {

    /** Which kernels run on ND4J's memory. */
    public enum Face {
        /** Products through BLAS and loops of our own: the default. */
        HOST,
        /** ND4J's operations alone: several times slower, and the only one that ND4J's GPU backend can run. */
        ND4J
    }

    private static final List<String> JAVACPP_LIMITS = List.of("org.bytedeco.javacpp.maxbytes", "org.bytedeco.javacpp.maxphysicalbytes");

    private Nd4jEngines() {
    }

    /** A factory of engines with the given kernels; the device index is ignored. */
    public static EngineFactory factory(Face face) {
        return deviceIndex -> open(face);
    }

    /**
     * An engine for one rank, used by one thread.
     *
     * @throws IllegalStateException when ND4J's native libraries cannot be loaded
     */
    public static Engine open(Face face) {
        return open(face, face == Face.HOST ? RowMathProvider.best() : null);
    }

    static Engine open(Face face, RowMath math) {
        String blas = holdToOneThread();
        if (face == Face.HOST && !Nd4j.getEnvironment().isCPU()) {
            throw new IllegalStateException("the host kernels need ND4J's CPU backend, the class path has " + Nd4j.getBackend().getClass().getSimpleName()
                    + "; choose the ND4J face, or leave out the profile nd4j-cuda");
        }
        return switch (face) {
            case HOST -> new HostEngine("CPU, one thread, " + blas + ", loops on the " + math.name(), new HostMemory(),
                    memory -> new HostKernels(math, memory), Set.of(DType.F32, DType.BF16, DType.F16));
            case ND4J -> new HostEngine("ND4J's " + Nd4j.getBackend().getClass().getSimpleName() + ", one thread, " + blas
                    + ", ND4J's own operations", new HostMemory(), memory -> Nd4jWorkspace.around(new Nd4jKernels(memory)), Set.of(DType.F32));
        };
    }

    /**
     * Loads ND4J. OpenMP's threads are counted per calling thread and OpenBLAS's for the process; with more than one, two ranks of a machine slow each
     * other down, and ND4J's scatter operations lose updates.
     */
    private static String holdToOneThread() {
        // JavaCPP, ND4J's bridge to native code, would fail any call once the process is larger than a few times its heap. Here the model is what is large.
        for (String limit : JAVACPP_LIMITS) {
            if (System.getProperty(limit) == null) {
                System.setProperty(limit, "0");
            }
        }
        try {
            Nd4j.getMemoryManager().togglePeriodicGc(false);
            NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);
            Nd4j.factory().blas().setMaxThreads(1);
            return Nd4j.factory().blas().getBlasVendor() + " BLAS";
        } catch (LinkageError | RuntimeException e) {
            throw new IllegalStateException("ND4J's native libraries cannot be loaded on " + System.getProperty("os.name") + " "
                    + System.getProperty("os.arch") + " (" + e + "): expected linux-x86_64 with room for 500 MB in the cache folder"
                    + " (-Dorg.bytedeco.javacpp.cachedir)", e);
        }
    }
}
